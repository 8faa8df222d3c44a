import type { ListedModel } from './models.ts'

/** The names under which the CLI chooses a model itself (Claude Code 2.1.330). */
const chosenLater = /^(?:sonnet|opus|haiku|fable|best|opusplan)$/

/** What a model's name stands for, by the CLI's list, or by what it has told with an answer: it has heirs for models that are gone. */
export class FullNames {
  readonly #told = new Map<string, string>()

  /** The full name, as far as it is known before the model answers. `model`: absent is the CLI's default. */
  of(model: string | undefined, listed: readonly ListedModel[]): string | undefined {
    const told = this.#told.get(keyOf(model))
    if (told !== undefined) return told
    const name = plain(keyOf(model))
    const row = [model, name].flatMap((one) => listed.filter(({ value }) => value === one))[0]
    if (row?.resolvedModel !== undefined) return plain(row.resolvedModel)
    return model === undefined || chosenLater.test(name) ? undefined : name
  }

  /**
   * Takes in what an answer has told, and gives the full name. `known`: what it was taken for. Only what was not known is kept, or
   * callers could fill the memory with names.
   */
  learn(model: string | undefined, told: string, known: string | undefined): string {
    const full = plain(told)
    if (full !== known) this.#told.set(keyOf(model), full)
    return full
  }
}

function keyOf(model: string | undefined): string {
  return model ?? 'default'
}

/** `[1m]` asks for the long context. */
function plain(name: string): string {
  return name.replace(/\[1m\]$/, '')
}
