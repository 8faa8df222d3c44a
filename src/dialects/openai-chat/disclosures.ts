import { TurnError } from '../../turn/error.ts'
import type { Notice } from '../../turn/event.ts'

/** What a request asks for and will not get: collected, or refused when the owner wants that (STRICT_PARAMETERS). */
export class Disclosures {
  readonly #strict: boolean
  readonly #ignored = new Set<string>()
  readonly #remarks: string[] = []

  constructor(strict: boolean) {
    this.#strict = strict
  }

  /** `name` is what is disclosed, `param` the exact field. Throws `unsupported_parameter` when strict. */
  ignore(name: string, why: string, param: string = name): void {
    if (this.#strict) {
      throw new TurnError(
        'unsupported_parameter',
        `${param} has no effect here, and this server refuses what it would have to ignore (STRICT_PARAMETERS). ${why}`,
        { param },
      )
    }
    this.#ignored.add(name)
  }

  remark(text: string): void {
    this.#remarks.push(text)
  }

  get notices(): Notice[] {
    return [
      ...[...this.#ignored].map((name): Notice => ({ type: 'ignored-parameter', name })),
      ...this.#remarks.map((text): Notice => ({ type: 'remark', text })),
    ]
  }
}
