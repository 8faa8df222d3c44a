import type { TurnEvent } from '../turn/event.ts'
import type { Bill, Bound } from './window.ts'

type Finish = Extract<TurnEvent, { type: 'finish' }>

const charactersOfToken = 3
/** Prompt tokens that Claude Code adds of its own, for turns of which nothing else is known. */
const ownPromptTokens = 5_000
/** Millionths of a dollar a token of the dearest models: what is charged where nobody says what a turn has cost. */
const dearest = { input: 15, output: 75 }

type Line = { tokens: number; micros: number } | 'free' | 'untold'

/** What one request uses, as its events tell. */
export class Tab {
  readonly #lines: (Line | undefined)[]
  readonly #begun: number[] = []
  readonly #fromCache = new Set<number>()

  constructor(choices: number) {
    this.#lines = Array.from({ length: choices })
  }

  push(choice: number, event: TurnEvent): void {
    switch (event.type) {
      case 'notice':
        if (event.notice.type === 'cache' && event.notice.state !== 'miss')
          this.#fromCache.add(choice)
        break
      case 'start':
        this.#begun[choice] ??= 0
        break
      case 'text-delta':
      case 'reasoning-delta':
        this.#begun[choice] = (this.#begun[choice] ?? 0) + event.text.length
        break
      case 'tool-call-delta':
        this.#begun[choice] = (this.#begun[choice] ?? 0) + event.input.length
        break
      case 'relay':
        this.#begun[choice] = (this.#begun[choice] ?? 0) + charactersOf(event)
        break
      case 'finish':
        this.#lines[choice] = this.#fromCache.has(choice) ? 'free' : lineOf(event)
        break
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-end':
      case 'sealed-reasoning':
      case 'tool-call-start':
      case 'tool-call-end':
      case 'activity':
        break
    }
  }

  /** Every choice has said what it used. */
  get isComplete(): boolean {
    return this.#lines.every((line) => line !== undefined)
  }

  /** A choice that broke off, or of which nobody says what it has used, is estimated; one that has not begun is free. */
  bill(bound: Bound): Bill {
    const share = this.#lines.length
    const bill = { tokens: 0, micros: 0 }
    this.#lines.forEach((line, choice) => {
      const written = this.#begun[choice]
      if (line === 'free' || (line === undefined && written === undefined)) return
      if (this.#fromCache.has(choice)) return
      const { tokens, micros } =
        line === undefined || line === 'untold' ? estimated(written ?? 0, bound, share) : line
      bill.tokens += tokens
      bill.micros += micros
    })
    return bill
  }
}

function lineOf({ usage, claude, costUsd = claude?.costUsd }: Finish): Line {
  const input = usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens
  const tokens = input + usage.outputTokens
  if (costUsd !== undefined) return { tokens, micros: Math.round(costUsd * 1_000_000) }
  // An API may leave it out, of a stream most do.
  if (tokens === 0) return 'untold'
  return { tokens, micros: input * dearest.input + usage.outputTokens * dearest.output }
}

/** About as many as the answer has: a chunk of a stream is a token or more. */
function charactersOf(relay: Extract<TurnEvent, { type: 'relay' }>): number {
  return 'chunks' in relay
    ? relay.chunks.length * charactersOfToken
    : JSON.stringify(relay.body).length
}

function estimated(
  characters: number,
  bound: Bound,
  share: number,
): { tokens: number; micros: number } {
  const output = Math.ceil(characters / charactersOfToken)
  const cost = ownPromptTokens * dearest.input + output * dearest.output
  return {
    tokens: Math.ceil(bound.tokens / share) + output,
    micros: Math.min(cost, Math.ceil(bound.micros / share)),
  }
}
