import { describe, expect, it } from 'vitest'
import { plainTurn, type Turn } from '../turn/turn.ts'
import { defaultClaudeOptions } from '../turn/claude-options.ts'
import { isEligible } from './eligible.ts'
import { cacheKey } from './key.ts'

const base = {
  model: 'sonnet',
  messages: [{ role: 'user', content: 'Hi' }],
  tools: [{ type: 'function', function: { name: 'f', parameters: { a: 1, b: 2 } } }],
  temperature: 0.5,
  unknown: { x: [1, 2] },
}

function key(body: Record<string, unknown>, scope = 'owner a', dialect = 'openai-chat'): string {
  return cacheKey(scope, { source: { dialect, body } })
}

describe('cacheKey', () => {
  it.each<[string, Record<string, unknown>]>([
    ['the order of keys', Object.fromEntries(Object.entries(base).toReversed())],
    ['streaming', { ...base, stream: true, stream_options: { include_usage: true } }],
    ['null for absent', { ...base, seed: null, n: 1 }],
    ['who the caller says the user is', { ...base, user: 'u', metadata: { a: 'b' } }],
    ['how the cache is asked for', { ...base, claude_options: { cache: 'exact' } }],
  ])('does not depend on %s', (_what, body) => {
    expect(key(body)).toBe(key(base))
  })

  it.each<[string, Record<string, unknown>]>([
    ['the model', { ...base, model: 'opus' }],
    ['one byte of a message', { ...base, messages: [{ role: 'user', content: 'Hi ' }] }],
    ['the order of messages', { ...base, messages: [...base.messages, ...base.messages] }],
    ['a tool', { ...base, tools: [] }],
    ['a parameter', { ...base, temperature: 0.6 }],
    ['a seed', { ...base, seed: 1 }],
    ['a schema', { ...base, response_format: { type: 'json_object' } }],
    ['a field that nobody knows', { ...base, unknown: { x: [2, 1] } }],
    ['an option', { ...base, claude_options: { effort: 'high' } }],
    ['a text where a number was', { ...base, temperature: '0.5' }],
  ])('depends on %s', (_what, body) => {
    expect(key(body)).not.toBe(key(base))
  })

  it('depends on the owner and the dialect', () => {
    const keys = [key(base), key(base, 'owner b'), key(base, 'shared'), key(base, 'owner a', 'x')]
    expect(new Set(keys).size).toBe(4)
  })
})

function turn(claude: Partial<Turn['claude']>, more: Partial<Turn> = {}): Turn {
  return { ...plainTurn, claude: { ...defaultClaudeOptions, ...claude }, ...more }
}

function withBody(body: Record<string, unknown>): Turn {
  return turn({}, { source: { dialect: 'x', body } })
}

function withPicture(url: string): Turn {
  const source = { type: 'url' as const, url, field: 'f' }
  return turn({}, { messages: [{ role: 'user', content: [{ type: 'image', source }] }] })
}

describe('cacheKey of whoever may be answered by some alone', () => {
  const turn = { source: { dialect: 'openai-chat', body: base } }
  it('is another one, whatever their order', () => {
    const all = cacheKey('owner a', turn)
    const one = cacheKey('owner a', turn, ['x'])
    const two = cacheKey('owner a', turn, ['x', 'y'])
    expect(new Set([all, one, two, cacheKey('owner a', turn, [])]).size).toBe(4)
    expect(cacheKey('owner a', turn, ['y', 'x', 'y'])).toBe(two)
  })
})

describe('isEligible', () => {
  it('is true of talk, functions of the caller included', () => {
    expect(isEligible(turn({}))).toBe(true)
    expect(isEligible(turn({}, { tools: [{ kind: 'function', name: 'f', strict: false }] }))).toBe(
      true,
    )
  })

  it.each<[Partial<Turn['claude']>]>([
    [{ tools: ['Read'] }],
    [{ autoAllowPermissions: true }],
    [{ sessionId: 's' }],
    [{ continue: true }],
    [{ mcpConfig: { type: 'names', names: ['x'] } }],
    [{ agents: {} }],
    [{ projectSettings: true }],
    [{ addDirs: ['x'] }],
    [{ files: ['x'] }],
    [{ images: ['x'] }],
    [{ outputFormat: 'json' }],
    [{ debug: true }],
  ])('is false with %j', (claude) => {
    expect(isEligible(turn(claude))).toBe(false)
  })

  it('is false of several answers, of a search, and of a picture behind an address', () => {
    expect(isEligible(withBody({ n: 2 }))).toBe(false)
    expect(isEligible(withBody({ web_search_options: {} }))).toBe(false)
    expect(isEligible(withPicture('https://example.com/a.png'))).toBe(false)
    expect(isEligible(withPicture('data:image/png;base64,AAAA'))).toBe(true)
  })
})
