import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError } from './config-error.ts'
import { loadConfig } from './load.ts'
import type { ConfigSources } from './read.ts'

const folder = mkdtempSync(join(tmpdir(), 'config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function envFile(content: string): string {
  const file = join(folder, '.env')
  writeFileSync(file, content)
  return file
}

/** The problems that the sources have. */
function problems(sources: Partial<ConfigSources>): readonly string[] {
  try {
    loadConfig({ env: {}, ...sources })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** What `STRICT_PARAMETERS` is with these flags. */
function isStrict(...args: string[]): boolean {
  return loadConfig({ env: {}, args }).http.strictParameters
}

describe('loadConfig', () => {
  it('fills in every default when nothing is set', () => {
    const config = loadConfig({ env: {} })
    expect(config.http).toEqual({
      host: '127.0.0.1',
      port: 8082,
      corsOrigins: [],
      allowedHosts: [],
      bodyLimitBytes: 64 * 1024 * 1024,
      heartbeatMs: 15_000,
      readerMs: 60_000,
      shutdownGraceMs: 30_000,
      strictParameters: false,
      maxChoices: 8,
    })
    expect(config.engine).toMatchObject({
      dataDir: join(homedir(), '.claude-code-api'),
      workspaceRoots: [homedir()],
      smallModel: 'haiku',
      sandbox: 'auto',
      allowAutoPermissions: true,
      allowPrivateNetwork: false,
      timeouts: { startMs: 30_000, firstTokenMs: 120_000, idleMs: 120_000, turnMs: 3_600_000 },
    })
    expect(config.engine).not.toHaveProperty('allowedTools')
    expect(config.fallbacks).toEqual([])
    expect(config.log).not.toHaveProperty('file')
  })

  it('takes flags over the environment and the environment over the file', () => {
    const file = envFile('PORT=1001\nMAX_CHOICES=2\nSMALL_MODEL="opus" # why not\n')
    const env = { PORT: '1002', MAX_CHOICES: '3' }
    const config = loadConfig({ file, env, args: ['--port', '1003'] })
    expect([config.http.port, config.http.maxChoices, config.engine.smallModel]).toEqual([
      1003,
      3,
      'opus',
    ])
  })

  it('takes an empty value as unset', () => {
    const file = envFile('PORT=1001\nAPI_KEY=\n')
    const config = loadConfig({ file, env: { PORT: ' ' }, args: ['--port='] })
    expect(config.http.port).toBe(1001)
    expect(config.http).not.toHaveProperty('apiKey')
  })

  it('does without a file that is not there', () => {
    expect(loadConfig({ env: {}, file: join(folder, 'none') }).http.port).toBe(8082)
  })

  it('reads switches alone, turned round and with a value', () => {
    expect(isStrict('--strict-parameters')).toBe(true)
    expect(isStrict('--strict-parameters', '--no-strict-parameters')).toBe(false)
    expect(isStrict('--strict-parameters=yes')).toBe(true)
  })

  it('reads lists, pairs, rules, paths and servers', () => {
    const config = loadConfig({
      env: {
        MODEL_ALIASES: 'gpt-4o=sonnet, foo = opus',
        ALLOWED_TOOLS: 'Read, Bash(git log, git diff)',
        WORKSPACE_ROOTS: '~/a:/b,/c',
        MCP_SERVERS: '{"mcpServers":{"one":{"command":"x","env":{"T":"hidden-value"}}}}',
        LOG_TO_FILE: 'true',
        DATA_DIR: '/data',
        CORS_ORIGINS: 'https://a.example,http://localhost:3000',
      },
    })
    expect(config.engine.modelAliases).toEqual({ 'gpt-4o': 'sonnet', foo: 'opus' })
    expect(config.engine.allowedTools).toEqual(['Read', 'Bash(git log, git diff)'])
    expect(config.engine.workspaceRoots).toEqual([join(homedir(), 'a'), '/b', '/c'])
    expect(config.engine.mcpServers).toEqual({ one: { command: 'x', env: { T: 'hidden-value' } } })
    expect(config.log).toMatchObject({ file: '/data/logs/server.log', secrets: ['hidden-value'] })
    expect(config.http.corsOrigins).toEqual(['https://a.example', 'http://localhost:3000'])
  })

  it('reads MCP servers from a file', () => {
    const file = join(folder, 'mcp.json')
    writeFileSync(file, '{"two":{"type":"http","url":"http://x.example/mcp"}}')
    expect(loadConfig({ env: { MCP_SERVERS: file } }).engine.mcpServers).toEqual({
      two: { type: 'http', url: 'http://x.example/mcp' },
    })
  })

  it('gives the engine the environment over the file, without the own secrets', () => {
    const file = envFile('ANTHROPIC_API_KEY=sk-from-file\nAPI_KEY=own-secret\nA=file\n')
    const config = loadConfig({
      file,
      env: { A: 'env', FALLBACK_API_KEY_2: '', MCP_SERVERS: '{}' },
    })
    expect(config.engine.environment).toEqual({ ANTHROPIC_API_KEY: 'sk-from-file', A: 'env' })
    expect(config.log.secrets.toSorted()).toEqual(['own-secret', 'sk-from-file'])
  })

  it('numbers fallbacks in order and names those without a name', () => {
    const env = {
      FALLBACK_API_NAME_1: 'first',
      FALLBACK_API_URL_1: 'https://one.example/v1/',
      FALLBACK_API_KEY_1: 'k',
      FALLBACK_API_URL_2: 'http://two.example/v1',
      FALLBACK_API_MODEL_2: 'm',
    }
    expect(loadConfig({ env }).fallbacks).toEqual([
      { name: 'first', url: 'https://one.example/v1', key: 'k' },
      { name: 'fallback-2', url: 'http://two.example/v1', model: 'm' },
    ])
  })
})

describe('loadConfig names the variable, what it was and what it may be', () => {
  it.each([
    ['PORT', '65536', 'a whole number from 0 to 65535'],
    ['PORT', '80a', 'a whole number from 0 to 65535'],
    ['HOST', 'a b', 'a host name or an IP address'],
    [
      'CORS_ORIGINS',
      'example.com',
      '`*` or origins such as `https://app.example.com`, separated by commas',
    ],
    ['ALLOWED_HOSTS', 'a/b', 'host names, separated by commas'],
    ['BODY_LIMIT_MB', '0', 'a number from 0.001 to 1024'],
    ['HEARTBEAT_SECONDS', '-1', 'a number from 0.01 to 604800'],
    ['SHUTDOWN_GRACE_SECONDS', 'soon', 'a number from 0 to 3600'],
    ['STRICT_PARAMETERS', 'maybe', '`true` or `false`'],
    ['MAX_CHOICES', '0', 'a whole number from 1 to 128'],
    [
      'MODEL_ALIASES',
      'gpt-4o',
      '`name=model` pairs separated by commas, such as `gpt-4o=sonnet,foo=opus`',
    ],
    ['PASS_ENV', 'A-B', 'names of environment variables, separated by commas'],
    ['WAITING_PROCESSES', '65', 'a whole number from 0 to 64'],
    ['CLAUDE_CODE_MAX_RETRIES', '1.5', 'a whole number from 0 to 10'],
    ['ALLOWED_TOOLS', 'Bash(git', 'tool rules separated by commas, such as `Read,Bash(git *)`'],
    ['SANDBOX', 'on', 'one of `auto`, `required`, `off`'],
    ['LOG_LEVEL', 'loud', 'one of `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`'],
    ['LOG_FORMAT', 'xml', 'one of `auto`, `pretty`, `json`'],
    ['LOG_MAX_FILES', '0', 'a whole number from 1 to 1000'],
    ['FALLBACK_API_NAME_1', 'a b', 'up to 64 letters, digits, `.`, `_` and `-`'],
  ])('when %s is "%s"', (name, value, expects) => {
    expect(problems({ env: { [name]: value } })).toEqual([
      `${name} is ${JSON.stringify(value)}; it may be ${expects}`,
    ])
  })

  it('when several are wrong, one line each', () => {
    expect(problems({ env: { PORT: 'x', SANDBOX: 'y' }, args: ['--nope', 'word'] })).toEqual([
      '`--nope` is not a known flag; `--help` lists them',
      'a word after `--nope` is not a flag; write flags as `--name=value`',
      'PORT is "x"; it may be a whole number from 0 to 65535',
      'SANDBOX is "y"; it may be one of `auto`, `required`, `off`',
    ])
  })

  it('when a flag has no value', () => {
    expect(problems({ args: ['--port'] })).toEqual(['`--port` needs a value: `--port=…`'])
  })

  it('but never a secret', () => {
    const all = [
      ...problems({ env: { API_KEY: 'hush hush', FALLBACK_API_KEY_1: 'quiet quiet' } }),
      ...problems({ env: { FALLBACK_API_URL_1: 'https://user:hush@x.example' } }),
      ...problems({ env: { MCP_SERVERS: '{"a":{"command":"x","env":{"T":"hush"}' } }),
      ...problems({ env: { MCP_SERVERS: '{"a":{"command":"x","evn":{"T":"hush"}}}' } }),
      ...problems({ env: { MCP_SERVERS: '["hush"]' } }),
      ...problems({ args: ['--apikey', 'hush'] }),
    ]
    expect(all).toHaveLength(8)
    expect(all.join('\n')).not.toMatch(/hush|quiet/)
    expect(all[0]).toBe(
      'API_KEY is (a secret, not shown); it may be visible ASCII characters without spaces',
    )
  })
})

describe('loadConfig refuses', () => {
  it.each(['0.0.0.0', '::', '192.168.1.2', 'example.com'])(
    'the address %s without an API key',
    (host) => {
      expect(problems({ env: { HOST: host } })[0]).toMatch(/^HOST is .* but API_KEY is not set; /)
      expect(problems({ env: { HOST: host, API_KEY: 'k' } })).toEqual([])
    },
  )

  it.each(['localhost', '::1', '[::1]', '127.0.0.5'])('not the loopback address %s', (host) => {
    expect(problems({ env: { HOST: host } })).toEqual([])
  })

  it('every web page without an API key', () => {
    expect(problems({ env: { CORS_ORIGINS: '*' } })[0]).toMatch(/^CORS_ORIGINS is "\*"/)
    expect(problems({ env: { CORS_ORIGINS: '*', API_KEY: 'k' } })).toEqual([])
  })

  it('to pass its own secrets to Claude Code', () => {
    expect(problems({ env: { PASS_ENV: 'EDITOR,FALLBACK_API_KEY_3' } })).toEqual([
      'PASS_ENV names FALLBACK_API_KEY_3, a secret of this server that never goes to Claude Code; leave it out',
    ])
  })

  it('a gap between fallbacks', () => {
    const env = { FALLBACK_API_URL_1: 'http://a', FALLBACK_API_URL_3: 'http://c' }
    expect(problems({ env })).toEqual([
      'FALLBACK_API_URL_3 is set but FALLBACK_API_URL_2 is not; number fallbacks without gaps',
    ])
  })

  it('a fallback without an address', () => {
    expect(problems({ env: { FALLBACK_API_NAME_1: 'a' } })).toEqual([
      'FALLBACK_API_NAME_1 is set but FALLBACK_API_URL_1 is not; set both or neither',
    ])
  })

  it('two fallbacks of one name', () => {
    const env = {
      FALLBACK_API_NAME_1: 'a',
      FALLBACK_API_URL_1: 'http://a',
      FALLBACK_API_NAME_2: 'a',
      FALLBACK_API_URL_2: 'http://b',
    }
    expect(problems({ env })[0]).toMatch(/"a" more than once/)
  })
})
