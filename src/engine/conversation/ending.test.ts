import { describe, expect, it } from 'vitest'
import { defaultClaudeOptions } from '../../turn/claude-options.ts'
import type { TurnEvent } from '../../turn/event.ts'
import type { Message } from '../../turn/message.ts'
import { plainTurn, type Turn } from '../../turn/turn.ts'
import { noUsage } from '../../turn/usage.ts'
import { ClientTools } from '../tools/client-tools.ts'
import { answerMessage, conversationKey, sessionKey } from './conversation-key.ts'
import { Ending } from './ending.ts'
import type { Decisions } from '../options.ts'

const messages: Message[] = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }]
const claude = { sessionId: 'session', costUsd: 0, durationMs: 0, turns: 1 }
const finish: TurnEvent = {
  type: 'finish',
  reason: 'stop',
  model: 'm',
  usage: noUsage,
  claude,
  endedItself: true,
}
const text = (text: string): TurnEvent => ({ type: 'text-delta', block: 0, text })

type Changes = { decisions?: Partial<Decisions>; turn?: Partial<Turn> }

function endingOf({ decisions = {}, turn: changes = {} }: Changes, ...events: TurnEvent[]): Ending {
  const turn = { ...plainTurn, ...changes }
  const plan = {
    messages,
    notices: [],
    decisions: {
      claude: 'claude',
      environment: {},
      folder: '/folder',
      modelListed: true,
      isKept: true,
      mcpServers: {},
      permissions: {},
      agentic: false,
      clientTools: new ClientTools(turn),
      ...decisions,
    },
  }
  const ending = new Ending('profile', plan, turn)
  for (const event of events) ending.push(event)
  return ending
}

describe('Ending', () => {
  it('keeps a process under its session and the conversation as it will come back', () => {
    const seals: TurnEvent[] = [
      { type: 'reasoning-end', block: 0, signature: 'one' },
      { type: 'sealed-reasoning', block: 1, data: 'two' },
    ]
    const kept = endingOf({}, ...seals, text('Hel'), text('lo'), finish).kept(1)
    expect(kept).toEqual({
      sessionId: 'session',
      keys: {
        session: sessionKey('profile', { id: 'session', turns: 1 }),
        conversation: conversationKey('profile', [...messages, answerMessage('Hello', [])]),
        seals: ['one', 'two'],
      },
    })
  })

  it('counts the calls of an answer among what will come back', () => {
    const call = {
      type: 'tool-call',
      id: 'a',
      name: 'f',
      input: '{"x":1}',
      kind: 'function',
    } as const
    const ending = endingOf(
      {},
      text('First this.'),
      { type: 'tool-call-start', block: 1, id: 'a', name: 'f', kind: 'function' },
      { type: 'tool-call-delta', block: 1, input: '{"x"' },
      { type: 'tool-call-delta', block: 1, input: ':1}' },
      { type: 'tool-call-end', block: 1 },
      finish,
    )
    expect(ending.kept(1)?.keys.conversation).toBe(
      conversationKey('profile', [...messages, answerMessage('First this.', [call])]),
    )
  })

  it('keeps nothing of an answer that did not end', () => {
    const ending = endingOf({}, text('Hello'))
    expect([ending.complete, ending.kept(1)]).toEqual([false, undefined])
  })

  it('keeps nothing of an answer that was cut or corrected', () => {
    const ending = endingOf({}, text('Hello'), { ...finish, endedItself: false })
    expect([ending.complete, ending.kept(1)]).toEqual([true, undefined])
  })

  it('keeps nothing that writes the debug log of one request', () => {
    expect(endingOf({ decisions: { debugLog: 'x' } }, finish).kept(1)).toBeUndefined()
  })

  it.each<[string, Changes]>([
    ['built-in tools may have run', { decisions: { agentic: true } }],
    ['a session was resumed', { decisions: { resume: 'session' } }],
    ['the answer is a structured one', { turn: { output: { type: 'json-object' } } }],
    [
      'the content is a document of the turn',
      { turn: { claude: { ...defaultClaudeOptions, outputFormat: 'json' } } },
    ],
  ])('keeps it under its session alone when %s', (_, changes) => {
    expect(endingOf(changes, text('Hello'), finish).kept(1)?.keys).toEqual({
      session: sessionKey('profile', { id: 'session', turns: 1 }),
    })
  })
})
