import type { TurnEvent } from '../../turn/event.ts'
import type { ToolCallPart } from '../../turn/message.ts'
import type { Turn } from '../../turn/turn.ts'
import { answerMessage, conversationKey, sealsOf, sessionKey } from './conversation-key.ts'
import type { LiveFacts, LiveKeys } from '../processes/live-conversations.ts'
import type { Plan } from '../planner.ts'

/**
 * Follows an answer to its end, to decide whether its process may be kept: only after an answer that ended of itself, and only
 * where the process knows nothing but what the caller knows.
 */
export class Ending {
  readonly #profile: string
  readonly #plan: Plan
  readonly #turn: Turn
  readonly #text: string[] = []
  readonly #calls: ToolCallPart[] = []
  readonly #seals: string[] = []
  #finish: Extract<TurnEvent, { type: 'finish' }> | undefined

  constructor(profile: string, plan: Plan, turn: Turn) {
    this.#profile = profile
    this.#plan = plan
    this.#turn = turn
  }

  /** The ids of the calls that wait for the caller's results. */
  get openCalls(): string[] {
    return this.#calls.map(({ id }) => id)
  }

  get complete(): boolean {
    return this.#finish !== undefined
  }

  push(event: TurnEvent): void {
    switch (event.type) {
      case 'text-delta':
        this.#text.push(event.text)
        break
      case 'tool-call-start':
        this.#calls.push({
          type: 'tool-call',
          id: event.id,
          name: event.name,
          input: '',
          kind: event.kind,
        })
        break
      case 'tool-call-delta': {
        const call = this.#calls.at(-1)
        if (call) call.input += event.input
        break
      }
      case 'reasoning-end':
        if (event.signature !== undefined) this.#seals.push(event.signature)
        break
      case 'sealed-reasoning':
        this.#seals.push(event.data)
        break
      case 'finish':
        this.#finish = event
        break
      case 'notice':
      case 'start':
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'tool-call-end':
      case 'activity':
      case 'relay':
        break
    }
  }

  /** What the process is kept with, if it may be. `turns`: how many its session has had, where that could be noted. */
  kept(turns: number | undefined): Pick<LiveFacts, 'sessionId' | 'keys'> | undefined {
    const { decisions, messages } = this.#plan
    const sessionId = this.#finish?.claude?.sessionId
    // A cut turn has a trace of the interruption in it, a corrected one the corrections; a debug log is one request's.
    if (!this.#finish?.endedItself || sessionId === undefined || decisions.debugLog !== undefined)
      return undefined
    // What a process has spent counts on: its next turn would have less. One that waits for results goes on with what is left.
    if (this.#turn.claude.maxBudgetUsd !== undefined && this.#finish.reason !== 'tool-calls')
      return undefined
    const keys: LiveKeys = { session: sessionKey(this.#profile, { id: sessionId, turns }) }
    // What built-in tools found is in the process and not in what the caller sends back; a resumed session knows more as well. A
    // turn that waits for the caller's results is not over yet, and goes on with all that was found in it.
    const isWhole = !decisions.agentic || this.#finish.reason === 'tool-calls'
    const isShared = isWhole && decisions.resume === undefined && this.#turn.output.type === 'text'
    if (!isShared || this.#turn.claude.outputFormat !== 'text') return { sessionId, keys }
    const answer = answerMessage(this.#text.join(''), this.#calls)
    return {
      sessionId,
      keys: {
        ...keys,
        conversation: conversationKey(this.#profile, [...messages, answer]),
        seals: [...sealsOf(messages), ...this.#seals],
      },
    }
  }
}
