import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { createServer as createHttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { runMain } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'doctor-'))
afterAll(() => rmSync(folder, { recursive: true }))

const report = z.object({
  ok: z.boolean(),
  findings: z.array(
    z.object({
      check: z.string(),
      status: z.enum(['ok', 'warning', 'failure']),
      message: z.string(),
      advice: z.string().optional(),
    }),
  ),
})

/** A machine on which the server could serve. */
const healthy = { PORT: '0', ANTHROPIC_API_KEY: 'sk-ant-very-secret-key', SANDBOX: 'off' }

/** Runs the doctor for machines. */
async function examine(env: Record<string, string>, args: string[] = []) {
  const { status, out } = await runMain(['doctor', '--json', ...args], env)
  const { ok, findings } = report.parse(JSON.parse(out))
  return {
    status,
    ok,
    out,
    of: (check: string) => findings.filter((finding) => finding.check === check),
  }
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

describe('doctor', () => {
  it('exits 0, with a line for each check, when the server could serve', async () => {
    const { status, out, err } = await runMain(['doctor'], healthy)
    expect({ status, err }).toEqual({ status: 0, err: '' })
    for (const check of [
      'node',
      'configuration',
      'claude',
      'login',
      'port',
      'fallbacks',
      'sandbox',
      'workspace',
      'data',
      'storage',
    ]) {
      expect(out).toMatch(new RegExp(`^ok +${check} `, 'm'))
    }
    expect(out).toContain('ANTHROPIC_API_KEY is set')
    expect(out).not.toContain('very-secret')
  })

  it('exits 1 and says both versions when claude is too old', async () => {
    const claude = join(folder, 'claude')
    writeFileSync(claude, '#!/bin/sh\necho "2.0.14 (Claude Code)"\n')
    chmodSync(claude, 0o755)
    const { status, ok, of } = await examine({ ...healthy, CLAUDE_PATH: claude })
    expect([status, ok]).toEqual([1, false])
    expect(of('claude')).toEqual([
      {
        check: 'claude',
        status: 'failure',
        message: `Claude Code 2.0.14 is too old: this server needs 2.1.261 or later (${claude})`,
        advice: 'Update it, or unset CLAUDE_PATH to use the bundled one.',
      },
    ])
  })

  it('exits 1 with each problem when the configuration is wrong', async () => {
    const { status, of } = await examine({ ...healthy, LOG_LEVEL: 'loud' }, ['--host', '0.0.0.0x/'])
    expect(status).toBe(1)
    expect(of('configuration').map((finding) => finding.message)).toEqual([
      'HOST is "0.0.0.0x/"; it may be a host name or an IP address',
      'LOG_LEVEL is "loud"; it may be one of `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`',
    ])
  })

  it('exits 1 when the port is in use', async () => {
    const server = createServer()
    const port = await listen(server)
    const { status, of } = await examine(healthy, ['--port', String(port)])
    server.close()
    expect(status).toBe(1)
    expect(of('port')[0]?.message).toBe(`port ${port} on 127.0.0.1 is in use`)
  })

  it('exits 1 without a login, but only warns when a fallback can answer, and sends it no key', async () => {
    const seen: unknown[] = []
    const server = createHttpServer((request, response) => {
      seen.push(request.headers.authorization, request.url)
      response.writeHead(404).end()
    })
    const port = await listen(server)
    const alone = await examine({ ...healthy, ANTHROPIC_API_KEY: '' })
    expect([alone.status, alone.of('login')[0]?.status]).toEqual([1, 'failure'])

    const fallback = {
      FALLBACK_API_URL_1: `http://127.0.0.1:${port}/v1`,
      FALLBACK_API_KEY_1: 'very-secret',
    }
    const helped = await examine({ ...healthy, ANTHROPIC_API_KEY: '', ...fallback })
    server.close()
    expect([helped.status, helped.of('login')[0]?.status]).toEqual([0, 'warning'])
    expect(helped.of('fallbacks')[0]?.status).toBe('ok')
    expect(helped.out).not.toContain('very-secret')
    expect(seen).toEqual([undefined, '/v1'])
  })

  it('warns of a fallback that does not answer, a workspace that is missing and a sandbox without its programs', async () => {
    const { status, of } = await examine({
      ...healthy,
      SANDBOX: 'auto',
      PATH: folder,
      FALLBACK_API_URL_1: 'http://127.0.0.1:1/v1',
      WORKSPACE_ROOTS: join(folder, 'missing'),
    })
    expect(status).toBe(0)
    expect(of('fallbacks')[0]).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    expect(of('workspace')[0]?.status).toBe('warning')
    expect(of('sandbox')[0]?.status).toBe(process.platform === 'darwin' ? 'ok' : 'warning')
  })

  it('takes a login that exists in the Claude config folder without reading it', async () => {
    const config = join(folder, 'config')
    mkdirSync(config)
    writeFileSync(join(config, '.credentials.json'), '{"very":"secret"}', { mode: 0o000 })
    const { status, of, out } = await examine({
      ...healthy,
      ANTHROPIC_API_KEY: '',
      CLAUDE_CONFIG_DIR: config,
    })
    expect([status, of('login')[0]?.status]).toEqual([0, 'ok'])
    expect(out).not.toContain('secret')
  })
})
