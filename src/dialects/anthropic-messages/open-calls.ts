import { TurnError } from '../../turn/error.ts'

/** Holds a history to the API's rule: each call has exactly one result, in the very next message. */
export class OpenCalls {
  readonly #open = new Map<string, string>()

  open(id: string, field: string): void {
    if (this.#open.has(id)) {
      const param = `${field}.id`
      throw new TurnError('invalid_value', `${param} "${id}" is the id of another call.`, { param })
    }
    this.#open.set(id, field)
  }

  take(id: string, param: string): void {
    if (this.#open.delete(id)) return
    const waiting =
      this.#open.size > 0
        ? `Waiting for a result are: ${[...this.#open.keys()].join(', ')}.`
        : 'No call before it waits for a result.'
    throw new TurnError(
      'invalid_value',
      `${param} "${id}" is not a call of the message before it, or has its result already. ${waiting}`,
      { param },
    )
  }

  expectNone(): void {
    const [param] = this.#open.values()
    if (param === undefined) return
    throw new TurnError(
      'invalid_value',
      `${param}: these calls have no result: ${[...this.#open.keys()].join(', ')}. The next message must begin with a tool_result for each.`,
      { param },
    )
  }
}
