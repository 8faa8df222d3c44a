import { TurnError } from '../../turn/error.ts'

/** An attachment that cannot be used: a 400 that names its request field. */
export function refuse(field: string, problem: string, cause?: unknown): TurnError {
  return new TurnError('invalid_value', `${field}: ${problem}`, { param: field, cause })
}

/** The most bytes that all attachments of one kind may have together. Spending more than is left throws. */
export class Budget {
  readonly #total: number
  #left: number

  constructor(totalBytes: number) {
    this.#total = totalBytes
    this.#left = totalBytes
  }

  spend(bytes: number, field: string): void {
    this.#left -= bytes
    if (this.#left >= 0) return
    throw refuse(
      field,
      `with it the request's attachments exceed ${this.#total} bytes together. Send fewer or smaller ones.`,
    )
  }
}
