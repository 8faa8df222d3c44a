import type { FinishReason, TurnEvent } from '../../src/turn/event.ts'
import { TurnError } from '../../src/turn/error.ts'
import { claude, type Script, usage } from '../http/server.ts'

/** What a backend says, in pieces that answers are put together of. */

export const begin: TurnEvent = {
  type: 'start',
  id: 'msg_1',
  provider: 'claude',
  model: 'claude-test',
}

export function done(reason: FinishReason = 'stop'): TurnEvent {
  return { type: 'finish', reason, model: 'claude-test', usage, claude }
}

export function text(block: number, ...pieces: string[]): TurnEvent[] {
  return [
    { type: 'text-start', block },
    ...pieces.map((text): TurnEvent => ({ type: 'text-delta', block, text })),
    { type: 'text-end', block },
  ]
}

export function thinking(block: number, ...pieces: string[]): TurnEvent[] {
  return [
    { type: 'reasoning-start', block },
    ...pieces.map((text): TurnEvent => ({ type: 'reasoning-delta', block, text })),
    { type: 'reasoning-end', block, signature: 'c2lnbmVk' },
  ]
}

export function call(
  block: number,
  name: string,
  kind: 'function' | 'custom',
  ...pieces: string[]
): TurnEvent[] {
  return [
    { type: 'tool-call-start', block, id: `toolu_${block}`, name, kind },
    ...pieces.map((input): TurnEvent => ({ type: 'tool-call-delta', block, input })),
    { type: 'tool-call-end', block },
  ]
}

/** A tool that Claude Code runs itself, and what came of it. */
export const search: TurnEvent[] = [
  {
    type: 'activity',
    activity: { type: 'tool-use', id: 'toolu_s', name: 'WebSearch', input: { query: 'sun' } },
  },
  {
    type: 'activity',
    activity: { type: 'tool-result', id: 'toolu_s', content: 'found', isError: false },
  },
]

/** Says these, and then fails with the error, if there is one. */
export function plays(events: readonly TurnEvent[], error?: TurnError): Script {
  return async function* () {
    yield* events
    if (error) throw error
  }
}

export const overload = new TurnError('overloaded', 'Claude is overloaded now.')

export async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items
}

/** A command that Claude Code has run, and that failed. */
export const command: TurnEvent[] = [
  {
    type: 'activity',
    activity: { type: 'tool-use', id: 'toolu_b', name: 'Bash', input: { command: 'ls' } },
  },
  {
    type: 'activity',
    activity: { type: 'tool-result', id: 'toolu_b', content: 'Exit code 2\nno', isError: true },
  },
]
