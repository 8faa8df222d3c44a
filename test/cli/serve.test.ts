import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startCommand, type RunningCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'serve-'))
afterAll(() => rmSync(folder, { recursive: true }))

function start(env: Record<string, string> = {}): RunningCommand {
  return startCommand('test/cli/serve-scripted.ts', [], { PORT: '0', ...env })
}

async function ready(command: RunningCommand): Promise<void> {
  await expect.poll(() => command.said.err, { timeout: 10_000 }).toContain('Ready:')
}

describe('serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says where it is, closes at %s and exits 0',
    async (signal) => {
      const command = start({ API_KEY: 'very-secret', LOG_TO_FILE: join(folder, signal, 'a.log') })
      await ready(command)
      expect(command.said.err).toMatch(/point any OpenAI client at http:\/\/127\.0\.0\.1:\d+\/v1/)
      expect(command.said.err).toContain('-H "Authorization: Bearer $API_KEY"')
      command.child.kill(signal)
      const { status, out, err } = await command.ended
      expect(status).toBe(0)
      const events = out.trimEnd().split('\n')
      expect(events.map((line) => /"event":"([\w-]+)"/.exec(line)?.[1])).toEqual([
        'server-started',
        'server-stopped',
      ])
      const [name = ''] = readdirSync(join(folder, signal))
      expect(readFileSync(join(folder, signal, name), 'utf8')).toBe(out)
      expect(out + err).not.toContain('very-secret')
    },
  )

  it('ends at once at the second signal', async () => {
    const command = start({ SCRIPT: 'stuck' })
    await ready(command)
    command.child.kill('SIGTERM')
    // Signals closer together than 300 ms are one wish.
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(command.child.exitCode).toBe(null)
    command.child.kill('SIGTERM')
    expect((await command.ended).signal).toBe('SIGTERM')
  })

  it('takes Ctrl-C that arrives twice, as under npm, for one', async () => {
    const command = start()
    await ready(command)
    command.child.kill('SIGINT')
    command.child.kill('SIGINT')
    expect(await command.ended).toMatchObject({ status: 0, signal: null })
  })

  it('exits 1 with one sentence when the port is in use', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const { status, err } = await start({ PORT: String(port) }).ended
    server.close()
    expect(status).toBe(1)
    expect(err).toBe(
      `Cannot start: port ${port} on 127.0.0.1 is in use. Stop the program that uses it (another of these servers?), or set PORT to another.\n`,
    )
  })

  it('exits 1 with the message when the server refuses to start', async () => {
    const { status, err } = await start({ SCRIPT: 'too-old' }).ended
    expect({ status, err }).toEqual({ status: 1, err: 'Cannot start: Claude Code 1 is too old.\n' })
  })

  it('exits 1 and logs an unexpected fault without secrets', async () => {
    const { status, out, err } = await start({ SCRIPT: 'fault', API_KEY: 'very-secret' }).ended
    expect(status).toBe(1)
    expect(out).toContain('a fault with [redacted]')
    expect(err).not.toMatch(/very-secret|\bat /)
  })

  it('exits 1 with one sentence when the log file cannot be opened', async () => {
    const { status, err } = await start({ LOG_TO_FILE: '/dev/null/a.log' }).ended
    expect(status).toBe(1)
    expect(err).toMatch(
      /^The log file \/dev\/null\/a\.log cannot be opened \(.*\); correct LOG_TO_FILE or DATA_DIR\n$/,
    )
  })
})
