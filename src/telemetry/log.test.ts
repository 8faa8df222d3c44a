import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import type { RequestFinished } from './events.ts'
import { openLogFile } from './log-file.ts'
import { createLog, type LogOptions } from './log.ts'

const folder = mkdtempSync(join(tmpdir(), 'log-'))
afterAll(() => rmSync(folder, { recursive: true }))

const plain: LogOptions = {
  level: 'debug',
  format: 'json',
  maxFiles: 3,
  content: false,
  secrets: [],
}

const request: RequestFinished = {
  id: 'req_1',
  method: 'POST',
  route: '/v1/chat/completions',
  status: 200,
  durationMs: 1234,
  provider: 'claude',
  model: 'sonnet',
  firstTokenMs: 300,
  usage: {
    inputTokens: 1,
    cacheReadTokens: 2,
    cacheCreationTokens: 3,
    outputTokens: 4,
    reasoningTokens: 0,
  },
  content: { prompt: 'tell me' },
}

/** A log into memory. */
async function logTo(options: Partial<LogOptions>, isTTY = false) {
  const lines: string[] = []
  const output = { write: (text: string) => lines.push(text), isTTY }
  return { log: await createLog({ ...plain, ...options }, output), lines }
}

describe('createLog', () => {
  it('writes a request as one JSON line without its content', async () => {
    const { log, lines } = await logTo({})
    log.requestFinished(request)
    expect(lines).toHaveLength(1)
    const line: unknown = JSON.parse(lines[0] ?? '')
    expect(line).toMatchObject({
      event: 'request-finished',
      id: 'req_1',
      status: 200,
      provider: 'claude',
      usage: { outputTokens: 4 },
      msg: 'POST /v1/chat/completions 200 claude sonnet 1.23 s (first 0.30 s) 6+4 tokens req_1',
    })
    expect(lines[0]).not.toContain('tell me')
  })

  it('writes the content when the owner asked for it', async () => {
    const { log, lines } = await logTo({ content: true })
    log.requestFinished(request)
    expect(lines[0]).toContain('"content":{"prompt":"tell me"}')
  })

  it('is pretty on a terminal and JSON elsewhere when the format is auto', async () => {
    const terminal = await logTo({ format: 'auto' }, true)
    terminal.log.requestFinished(request)
    expect(terminal.lines).toHaveLength(1)
    expect(terminal.lines[0]).toMatch(/INFO.*POST \/v1\/chat\/completions 200 .*req_1.*\n$/)
    expect(terminal.lines[0]?.split('\n')).toHaveLength(2)

    const machine = await logTo({ format: 'auto' })
    machine.log.requestFinished(request)
    expect(machine.lines[0]).toMatch(/^\{.*\}\n$/)
  })

  it('has a line that a person can read for each switch, and for each change of a provider', async () => {
    const { log, lines } = await logTo({ format: 'auto', level: 'info' }, true)
    const provider = 'backup'
    const until = '2026-11-28T12:00:00.000Z'
    log.providerSwitched({ id: 'req_1', from: 'claude-code', to: provider, code: 'overloaded' })
    log.providerState({ provider, state: 'open', code: 'upstream_error', until })
    log.providerState({ provider, state: 'paused', code: 'rate_limit_exceeded', until })
    log.providerState({ provider, state: 'probing' })
    log.providerState({ provider, state: 'closed' })
    const said = lines.map((line) => stripVTControlCharacters(line).replace(/^\S+ /, '').trim())
    expect(said).toEqual([
      'WARN: claude-code failed (overloaded); asking backup req_1',
      `WARN: backup failed (upstream_error) and rests until ${until}`,
      `INFO: backup asked for a pause (rate_limit_exceeded) until ${until}`,
      'INFO: backup is tried with one request',
      'INFO: backup is well again',
    ])
  })

  it('takes secrets out of everything, errors and their causes included', async () => {
    for (const format of ['json', 'pretty'] as const) {
      const { log, lines } = await logTo({ format, secrets: ['hunter22'] })
      log.fault(new Error('with hunter22', { cause: new Error('Bearer abcdefgh') }), 'req_1')
      log.warning('hunter22')
      expect(lines.join('')).not.toMatch(/hunter22|abcdefgh/)
      expect(lines.join('')).toContain('log.test.ts')
    }
  })

  it('leaves out what a parser quotes', async () => {
    const { log, lines } = await logTo({})
    try {
      JSON.parse('my prompt')
    } catch (error) {
      log.fault(new Error('outer', { cause: error }))
    }
    expect(lines[0]).toContain('outer')
    expect(lines[0]).not.toContain('my p')
  })

  it('keeps quiet about probes that go well, and calls failures of its own errors', async () => {
    const { log, lines } = await logTo({ level: 'info' })
    log.requestFinished({ ...request, route: '/health' })
    log.requestFinished({ ...request, route: '/ready', status: 503 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('"level":50')
  })

  it('has every line in its file when it is closed', async () => {
    const file = join(folder, 'whole', 'server.log')
    const { log } = await logTo({ file, format: 'pretty' })
    for (let index = 0; index < 2000; index += 1) log.warning(`line ${index}`)
    await log.close()
    const [name = ''] = readdirSync(join(folder, 'whole'))
    const lines = readFileSync(join(folder, 'whole', name), 'utf8')
      .trimEnd()
      .split('\n')
    expect(lines).toHaveLength(2000)
    expect(lines.at(-1)).toMatch(/^\{.*"line 1999"\}$/)
    expect(statSync(join(folder, 'whole', name)).mode & 0o777).toBe(0o600)
  })

  it('rejects when its file cannot be opened', async () => {
    await expect(logTo({ file: '/dev/null/server.log' })).rejects.toThrow(/ENOTDIR|EEXIST/)
  })
})

describe('openLogFile', () => {
  it('begins new files at the size and keeps only the newest', async () => {
    const file = join(folder, 'rolling', 'server.log')
    const names = () => readdirSync(join(folder, 'rolling'))
    const log = await openLogFile({ file, maxFiles: 3, size: '100b', onFault: () => {} })
    for (let index = 0; index < 40; index += 1) {
      log.write(`${index} ${'x'.repeat(50)}\n`)
      // Rotation waits for the event loop, which requests give it.
      await new Promise((resolve) => setImmediate(resolve))
    }
    await log.close()
    await expect.poll(() => names().length).toBe(3)
    const text = names().map((name) => readFileSync(join(folder, 'rolling', name), 'utf8'))
    expect(text.join('')).toContain('39 x')
    expect(text.join('')).not.toContain('\n0 x')
  })
})
