import { describe, expect, it } from 'vitest'
import { TurnError } from '../turn/error.ts'
import { type KnownModels, modelEntries, resolveModel } from './models.ts'

const known: KnownModels = {
  listed: [
    { value: 'default', resolvedModel: 'claude-opus-5-5', displayName: 'Default (recommended)' },
    { value: 'opus', resolvedModel: 'claude-opus-5-5', displayName: 'Opus' },
    { value: 'fable', resolvedModel: 'claude-fable-5-2', displayName: 'Fable' },
    { value: 'haiku', resolvedModel: 'claude-haiku-5-5', displayName: 'Haiku' },
    { value: 'preview-row' },
  ],
  aliases: {},
  defaultModel: 'opus',
  smallModel: 'haiku',
}

describe('resolveModel', () => {
  it.each([undefined, 'claude-code', 'default'])(
    'gives the configured default for %s, undisclosed',
    (name) => {
      expect(resolveModel(name, known)).toEqual({ model: 'opus' })
      expect(resolveModel(name, { ...known, defaultModel: undefined })).toEqual({
        model: undefined,
      })
    },
  )

  it.each([
    'fable',
    'claude-fable-5-2',
    'preview-row',
    'sonnet',
    'sonnet[1m]',
    'opusplan',
    'best',
    'claude-sonnet-4-5-20250929',
    'claude-sonnet-4-5[1m]',
    'claude-sonnet-4-5@20250929',
    'claude-3-7-sonnet@20250219',
    'anthropic.claude-opus-4-1-20250805-v1:0',
    'us.anthropic.claude-3-5-sonnet-20241022-v2:0',
    'us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0',
    'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123',
  ])('passes %s through', (name) => {
    expect(resolveModel(name, known)).toEqual({ model: name })
  })

  it.each([
    ['claude-3-sonnet-20240229', 'sonnet'],
    ['claude-3-opus-latest', 'opus'],
    ['claude-3-5-haiku-20241022', 'haiku'],
    ['claude-3.7-sonnet', 'sonnet'],
    ['claude-2.1', 'sonnet'],
    ['claude-instant-1.2', 'haiku'],
    ['claude-sonnet-4.5', 'claude-sonnet-4-5'],
    ['anthropic/claude-3.7-sonnet:thinking', 'sonnet'],
    ['anthropic/claude-opus-4.1', 'claude-opus-4-1'],
    ['openrouter/anthropic/claude-sonnet-4', 'claude-sonnet-4'],
    ['anthropic/claude-opus-5-5', 'claude-opus-5-5'],
    ['gpt-4o', 'opus'],
    ['gpt-3.5-turbo', 'opus'],
    ['chatgpt-4o-latest', 'opus'],
    ['o1', 'opus'],
    ['o3-pro', 'opus'],
    ['o4-mini', 'haiku'],
    ['gpt-4o-mini-2024-07-18', 'haiku'],
    ['gpt-5-nano', 'haiku'],
    ['codex-mini-latest', 'haiku'],
    ['openai/gpt-4o', 'opus'],
    ['openai/gpt-4o-mini', 'haiku'],
    ['ft:gpt-4o-mini:acme::id', 'haiku'],
  ])('maps %s to %s and discloses it', (name, model) => {
    expect(resolveModel(name, known)).toEqual({ model, mappedFrom: name })
  })

  it('discloses a mapping to the default of the CLI', () => {
    const { listed, aliases, smallModel } = known
    expect(resolveModel('gpt-4o', { listed, aliases, smallModel })).toEqual({
      model: undefined,
      mappedFrom: 'gpt-4o',
    })
  })

  it('passes the configured default and small model by name when nobody lists them', () => {
    const own = { ...known, defaultModel: 'our-gateway-large', smallModel: 'our-gateway-small' }
    expect(resolveModel('our-gateway-large', own)).toEqual({ model: 'our-gateway-large' })
    expect(resolveModel('our-gateway-small', own)).toEqual({ model: 'our-gateway-small' })
  })

  it('lets aliases win over everything built in, and resolves their target once', () => {
    const aliases = {
      'gpt-4o': 'sonnet',
      opus: 'gpt-4o',
      a: 'b',
      b: 'a',
      old: 'claude-2',
      house: 'claude-code',
    }
    const own = { ...known, aliases }
    expect(resolveModel('gpt-4o', own)).toEqual({ model: 'sonnet', mappedFrom: 'gpt-4o' })
    expect(resolveModel('openai/gpt-4o', own)).toEqual({
      model: 'sonnet',
      mappedFrom: 'openai/gpt-4o',
    })
    expect(resolveModel('opus', own)).toEqual({ model: 'opus' })
    expect(resolveModel('a', own)).toEqual({ model: 'b', mappedFrom: 'a' })
    expect(resolveModel('old', own)).toEqual({ model: 'sonnet', mappedFrom: 'old' })
    expect(resolveModel('house', own)).toEqual({ model: 'opus', mappedFrom: 'house' })
  })

  it.each([
    'llama-3',
    'ollama',
    'o',
    'opus-9',
    'constructor',
    '__proto__',
    '',
    'claude-',
    'claude-x --flag',
    'openrouter/auto',
  ])('refuses %j and lists what there is', (name) => {
    let thrown: unknown
    try {
      resolveModel(name, { ...known, aliases: { house: 'opus' } })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(TurnError)
    expect(thrown).toMatchObject({ code: 'model_not_found', param: 'model' })
    expect(String(thrown)).toContain(
      'There is: claude-code, default, opus, fable, haiku, preview-row, claude-opus-5-5, claude-fable-5-2, claude-haiku-5-5, house;',
    )
  })
})

describe('modelEntries', () => {
  it('lists each name once, with the display name of the model itself', () => {
    const entries = modelEntries(known.listed)
    expect(entries.map(({ id }) => id)).toEqual([
      'claude-code',
      'default',
      'opus',
      'fable',
      'haiku',
      'preview-row',
      'claude-opus-5-5',
      'claude-fable-5-2',
      'claude-haiku-5-5',
    ])
    expect(entries.find(({ id }) => id === 'claude-opus-5-5')).toEqual({
      id: 'claude-opus-5-5',
      created: 0,
      owned_by: 'anthropic',
      display_name: 'Opus',
    })
  })

  it('has the owner’s own names, which win over those of the CLI', () => {
    const size = { contextTokens: 1_000, outputTokens: 100 }
    const sizes = { of: (model: string) => (model === 'claude-haiku-5-5' ? size : undefined) }
    const aliases = { house: 'haiku', opus: 'claude-haiku-4-5-20251001', small: 'default' }
    const facts = { sizes, aliases, defaultModel: 'haiku' }
    const entries = modelEntries(known.listed, facts)
    const named = { owned_by: 'anthropic', created: 0 }
    expect(entries.slice(1, 4)).toEqual([
      { ...named, id: 'house', display_name: 'house', size },
      { ...named, id: 'opus', display_name: 'opus', created: Date.UTC(2025, 9, 1) / 1000 },
      { ...named, id: 'small', display_name: 'small', size },
    ])
    expect(entries.filter(({ id }) => id === 'opus')).toHaveLength(1)
  })

  it('takes the creation time from the date in the name when there is one', () => {
    const entries = modelEntries([{ value: 'haiku', resolvedModel: 'claude-haiku-4-5-20251001' }])
    expect(entries.at(-1)?.created).toBe(Date.UTC(2025, 9, 1) / 1000)
  })
})
