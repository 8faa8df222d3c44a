import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError } from './config-error.ts'
import { loadConfig } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'providers-'))
afterAll(() => rmSync(folder, { recursive: true }))

function withFile(content: unknown, env: Record<string, string> = {}): Record<string, string> {
  const path = join(folder, 'providers.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return { ...env, PROVIDERS_FILE: path }
}

function problems(env: Record<string, string>): string {
  try {
    loadConfig({ env })
    return ''
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('\n')
    throw error
  }
}

const url = 'https://api.example.com/v1'

describe('PROVIDERS_FILE', () => {
  it('adds providers after the numbered ones, with all that can be said of one', () => {
    const providers = [
      { name: 'plain', url: `${url}/` },
      {
        name: 'big',
        url,
        key_env: 'BIG_KEY',
        model: 'm',
        models: { opus: 'large' },
        headers: { 'x-team': 'secret-of-the-team' },
        timeouts: { first_output_seconds: 2.5, idle_seconds: 3 },
        can: { images: false },
        endpoints: ['embeddings'],
        context_tokens: 1000,
        price: { input: 0.15, output: 0.6 },
        prices: { large: { input: 2, output: 8, cached_input: 0.5 } },
        group: 'vendors',
        weight: 3,
      },
    ]
    const env = withFile(
      { providers },
      {
        FALLBACK_API_URL_1: url,
        BIG_KEY: 'sk-very-secret',
        PROVIDER_ORDER: 'vendors,claude-code',
        PASSTHROUGH_PROVIDER: 'plain',
      },
    )
    const config = loadConfig({ env })
    expect(config.fallbacks).toEqual([
      { name: 'fallback-1', url },
      { name: 'plain', url },
      {
        name: 'big',
        url,
        key: 'sk-very-secret',
        model: 'm',
        models: { opus: 'large' },
        headers: { 'x-team': 'secret-of-the-team' },
        timeouts: { firstOutputMs: 2500, idleMs: 3000 },
        can: { images: false },
        endpoints: ['embeddings'],
        contextTokens: 1000,
        price: { inputUsd: 0.15, outputUsd: 0.6 },
        prices: { large: { inputUsd: 2, outputUsd: 8, cachedInputUsd: 0.5 } },
        group: 'vendors',
        weight: 3,
      },
    ])
    expect(config.failover).toMatchObject({
      order: ['vendors', 'claude-code'],
      passthroughProvider: 'plain',
    })
    expect(config.log.secrets).toEqual(
      expect.arrayContaining(['sk-very-secret', 'secret-of-the-team']),
    )
  })

  it.each<[string, unknown, RegExp]>([
    ['not JSON', '{"key": "sk-secret-12345"', /is not JSON/],
    ['an unknown key', { providers: [{ name: 'a', url, modell: 'x' }] }, /providers\.0.*modell/],
    ['no address', { providers: [{ name: 'a' }] }, /providers\.0\.url/],
    ['a wrong address', { providers: [{ name: 'a', url: 'ftp://x' }] }, /http/],
    ['a reserved header', { providers: [{ name: 'a', url, headers: { Host: 'x' } }] }, /headers/],
    ['half a price', { providers: [{ name: 'a', url, price: { input: 1 } }] }, /price\.output/],
    ['a key that is not set', { providers: [{ name: 'a', url, key_env: 'NO' }] }, /NO is not set/],
    ['two keys', { providers: [{ name: 'a', url, key: 'k', key_env: 'NO' }] }, /leave one out/],
    [
      'a name twice',
      {
        providers: [
          { name: 'a', url },
          { name: 'a', url },
        ],
      },
      /"a" more than once/,
    ],
    ['the name of Claude Code', { providers: [{ name: 'claude-code', url }] }, /more than once/],
  ])('with %s is a problem that quotes no secret', (_name, content, expected) => {
    const text = problems(withFile(content))
    expect(text).toMatch(expected)
    expect(text).not.toContain('sk-secret')
  })

  it('that is missing is a problem', () => {
    expect(problems({ PROVIDERS_FILE: join(folder, 'none.json') })).toMatch(/could not be read/)
  })
})

describe('names of providers', () => {
  it.each([
    [{ PROVIDER_ORDER: 'claude-code,nobody' }, /"nobody"; there is: claude-code, fallback-1/],
    [{ PASSTHROUGH_PROVIDER: 'claude-code' }, /PASSTHROUGH_PROVIDER.*there is: fallback-1/],
  ])('%j must be somebody', (env, expected) => {
    expect(problems({ ...env, FALLBACK_API_URL_1: url })).toMatch(expected)
  })
})
