/** What a model takes and gives, in tokens. */
export type ModelSize = { contextTokens: number; outputTokens: number }

type Told = Readonly<Record<string, { contextWindow: number; maxOutputTokens: number }>>

/** The sizes of the models that have answered: Claude Code tells them with its result, and nowhere before. */
export class ModelSizes {
  readonly #sizes = new Map<string, ModelSize>()

  /** Takes in a result's `modelUsage`, which older versions of Claude Code have not. */
  learn(told: Told = {}): void {
    for (const [model, { contextWindow, maxOutputTokens }] of Object.entries(told)) {
      if (contextWindow > 0 && maxOutputTokens > 0) {
        this.#sizes.set(model, { contextTokens: contextWindow, outputTokens: maxOutputTokens })
      }
    }
  }

  of(model: string): ModelSize | undefined {
    return this.#sizes.get(model)
  }
}
