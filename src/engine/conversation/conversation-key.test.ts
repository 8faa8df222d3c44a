import { describe, expect, it } from 'vitest'
import { defaultClaudeOptions } from '../../turn/claude-options.ts'
import type { Message } from '../../turn/message.ts'
import { plainTurn, type Turn } from '../../turn/turn.ts'
import { ClientTools } from '../tools/client-tools.ts'
import {
  answerMessage,
  conversationKey,
  heldMessages,
  profileOf,
  sessionKey,
} from './conversation-key.ts'
import type { Decisions } from '../options.ts'

const decisions: Decisions = {
  claude: 'claude',
  environment: {},
  folder: '/folder',
  modelListed: true,
  isKept: true,
  mcpServers: {},
  permissions: {},
  agentic: false,
  clientTools: new ClientTools(plainTurn),
}
const plain = profileOf(plainTurn, decisions, { owner: 'owner' })

const says = (role: 'user' | 'assistant', ...texts: string[]): Message => ({
  role,
  content: texts.map((text) => ({ type: 'text', text })),
})
const call = (input: string, more: object = {}) =>
  ({ type: 'tool-call', id: 'a', name: 'f', input, kind: 'function', ...more }) as const
const calls = (...parts: ReturnType<typeof call>[]): Message => ({
  role: 'assistant',
  content: parts,
})
const keyOf = (...messages: Message[]) => conversationKey(plain, messages)

describe('profileOf', () => {
  it('is the same for the same request of the same owner', () => {
    expect(profileOf({ ...plainTurn }, { ...decisions }, { owner: 'owner' })).toBe(plain)
  })

  it('is another for another owner, folder or model', () => {
    const others = [
      profileOf(plainTurn, decisions, { owner: 'other' }),
      profileOf(plainTurn, { ...decisions, folder: '/other' }, { owner: 'owner' }),
      profileOf(plainTurn, { ...decisions, model: 'opus' }, { owner: 'owner' }),
    ]
    expect(new Set([plain, ...others]).size).toBe(4)
  })

  it.each<Partial<Turn>>([
    { effort: 'low' },
    { limits: { stopSequences: [], maxOutputTokens: 10 } },
    { instructions: ['x'] },
    { tools: [{ kind: 'function', name: 'f', strict: false }] },
    { toolChoice: { type: 'none' } },
    { parallelToolCalls: false },
    { output: { type: 'json-object' } },
    { claude: { ...defaultClaudeOptions, tools: ['Read'] } },
    { claude: { ...defaultClaudeOptions, disallowedTools: ['Read'] } },
    { claude: { ...defaultClaudeOptions, projectSettings: true } },
    { claude: { ...defaultClaudeOptions, mcpConfig: { type: 'names', names: ['x'] } } },
    { claude: { ...defaultClaudeOptions, autoAllowPermissions: true } },
    { claude: { ...defaultClaudeOptions, appendSystemPrompt: 'x' } },
    { claude: { ...defaultClaudeOptions, maxTurns: 1 } },
    { claude: { ...defaultClaudeOptions, maxBudgetUsd: 1 } },
    { claude: { ...defaultClaudeOptions, addDirs: ['x'] } },
    {
      claude: { ...defaultClaudeOptions, agents: { a: { description: 'x', prompt: 'y' } } },
    },
  ])('is another with %j', (changes) => {
    expect(profileOf({ ...plainTurn, ...changes }, decisions, { owner: 'owner' })).not.toBe(plain)
  })
})

describe('conversationKey', () => {
  it('is another when one byte of a message differs', () => {
    expect(keyOf(says('user', 'Hi'))).toBe(keyOf(says('user', 'Hi')))
    expect(keyOf(says('user', 'Hi'))).not.toBe(keyOf(says('user', 'Hi ')))
    expect(keyOf(says('assistant', 'Hi'))).not.toBe(keyOf(says('assistant', 'hi')))
  })

  it('is another under another profile', () => {
    const other = profileOf(plainTurn, decisions, { owner: 'other' })
    expect(conversationKey(other, [])).not.toBe(conversationKey(plain, []))
  })

  it('keeps the parts of a user message apart', () => {
    expect(keyOf(says('user', 'a', 'b'))).not.toBe(keyOf(says('user', 'ab')))
  })

  it('joins the texts of an answer, which clients cut as they like', () => {
    expect(keyOf(says('assistant', 'a', 'b'))).toBe(keyOf(says('assistant', 'ab')))
    expect(keyOf({ role: 'assistant', content: [] })).toBe(keyOf(says('assistant', '')))
  })

  it('is the same when a client writes arguments anew, at any depth', () => {
    expect(keyOf(calls(call('{"a":[{"c":1,"b":2}],"x":null}')))).toBe(
      keyOf(calls(call('{ "x": null, "a": [ { "b": 2, "c": 1 } ] }'))),
    )
  })

  it('is another with another order in a list, another value, id, name or kind', () => {
    const one = call('{"a":[1,2]}')
    const others = [
      call('{"a":[2,1]}'),
      call('{"a":[1,3]}'),
      call('{"a":[1,2]}', { id: 'b' }),
      call('{"a":[1,2]}', { name: 'g' }),
      call('{"a":[1,2]}', { kind: 'custom' }),
    ]
    expect(new Set([one, ...others].map((part) => keyOf(calls(part)))).size).toBe(6)
  })

  it('is another with another name of the user’s', () => {
    const role = 'user' as const
    const content = [{ type: 'text' as const, text: 'b' }]
    const joined = keyOf(says(role, 'name: ab'))
    const keys = [
      keyOf({ role, content }),
      keyOf({ role, content, name: 'a' }),
      keyOf({ role, content, name: 'A' }),
      joined,
    ]
    expect(new Set(keys).size).toBe(4)
  })

  it('takes the free text of a custom tool as it is', () => {
    const keys = ['no json', 'no json', '{"a":1}', '{ "a": 1 }'].map((input) =>
      keyOf(calls(call(input, { kind: 'custom' }))),
    )
    expect(keys[0]).toBe(keys[1])
    expect(keys[2]).not.toBe(keys[3])
  })

  it('knows an answer again that a client sends back', () => {
    const answer = answerMessage('Words', [call('{"a":1}')])
    const sent: Message = {
      role: 'assistant',
      content: [{ type: 'text', text: 'Words' }, call('{"a": 1}')],
    }
    expect(keyOf(answer)).toBe(keyOf(sent))
  })
})

describe('sessionKey', () => {
  it('is another for another session, another profile, and after another turn', () => {
    const a = { id: 'a', turns: 1 }
    const keys = [
      sessionKey(plain, a),
      sessionKey(plain, { ...a, id: 'b' }),
      sessionKey('other', a),
      sessionKey(plain, { ...a, turns: 2 }),
      sessionKey(plain, { ...a, turns: undefined }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('heldMessages', () => {
  it('ends with the last assistant message', () => {
    const [one, two, three] = [says('user', '1'), says('assistant', '2'), says('user', '3')]
    expect(heldMessages([one, two, three, three])).toEqual([one, two])
    expect(heldMessages([one])).toEqual([])
  })
})
