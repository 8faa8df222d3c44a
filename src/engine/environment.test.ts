import { describe, expect, it } from 'vitest'
import { settings, type Setting, variablesOf } from '../config/schema.ts'
import { childEnvironment } from './environment.ts'

const make = (source: Record<string, string>, pass: string[] = []) =>
  childEnvironment({ source, pass, maxRetries: 2, clientApp: 'test/1' })

describe('childEnvironment', () => {
  it.each([
    'PATH',
    'HOME',
    'LC_ALL',
    'ANTHROPIC_API_KEY',
    'ANTHROPIC_BASE_URL',
    'CLAUDE_CONFIG_DIR',
    'CLAUDE_CODE_OAUTH_TOKEN',
    'CLAUDE_CODE_USE_BEDROCK',
    'CLAUDE_CODE_USE_VERTEX',
    'CLAUDE_CODE_USE_FOUNDRY',
    'AWS_REGION',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'HTTPS_PROXY',
    'https_proxy',
    'NODE_EXTRA_CA_CERTS',
  ])('passes %s', (name) => {
    expect(make({ [name]: 'x' })[name]).toBe('x')
  })

  it.each([
    'API_KEY',
    'FALLBACK_API_KEY_1',
    'OPENAI_API_KEY',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'CLAUDECODE',
    'SECRET',
  ])('keeps %s out', (name) => {
    expect(make({ [name]: 'x' })).not.toHaveProperty(name)
  })

  it('adds the names of PASS_ENV, but never the server’s own secrets', () => {
    const environment = make({ NPM_TOKEN: 'a', API_KEY: 'b' }, ['NPM_TOKEN', 'API_KEY'])
    expect(environment).toMatchObject({ NPM_TOKEN: 'a' })
    expect(environment).not.toHaveProperty('API_KEY')
  })

  it('knows each of the server’s own secrets', () => {
    const secrets = Object.entries<Setting>(settings).flatMap(([name, row]) =>
      row.secret === true ? variablesOf(name, row) : [],
    )
    expect(secrets).toContain('DATA_KEY')
    const source = Object.fromEntries(secrets.map((name) => [name, 'x']))
    const kept = secrets.filter((name) => name in make(source, secrets))
    expect(kept).toEqual([])
  })

  it('bounds Claude Code’s own retries', () => {
    expect(make({ CLAUDE_CODE_MAX_RETRIES: '10' })).toMatchObject({ CLAUDE_CODE_MAX_RETRIES: '2' })
  })
})
