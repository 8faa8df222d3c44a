import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { minimumVersion } from '../../../src/engine/binary.ts'
import { fails, startScriptedAnthropic } from '../../scripted-anthropic/server.ts'
import { startScriptedOpenAI } from '../../scripted-openai/server.ts'
import { temporaryFolder } from '../../support/claude.ts'
import { startTestServer } from '../../support/server.ts'
import { ask, askStream, failure } from './support.ts'

type Ready = { status: string; reasons: string[]; waiting: number }

async function ready(url: string): Promise<{ status: number; body: Ready }> {
  const response = await fetch(`${url}/ready`)
  return { status: response.status, body: (await response.json()) as Ready }
}

/** A program that says of itself that it is this version. */
async function claudeOfVersion(folder: string, version: string): Promise<string> {
  const path = join(folder, 'claude')
  await writeFile(path, `#!/bin/sh\necho "${version} (Claude Code)"\n`)
  await chmod(path, 0o755)
  return path
}

describe('a server without Claude Code', () => {
  it('starts, says why it is not ready, and answers 503', async () => {
    await using server = await startTestServer({ CLAUDE_PATH: '/nowhere/claude' })
    const error = await failure(ask(server.client))
    expect(error).toMatchObject({ status: 503, code: 'claude_not_installed' })
    expect(error.message).toMatch(/CLAUDE_PATH/)
    expect(error.headers?.get('x-should-retry')).toBe('false')
    expect(await failure(askStream(server.client))).toMatchObject({ status: 503 })
    expect(await ready(server.url)).toMatchObject({
      status: 503,
      body: { status: 'not_ready', reasons: [expect.stringMatching(/CLAUDE_PATH/)] },
    })
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    expect(await failure(server.client.models.list())).toMatchObject({ status: 503 })
  })

  it('is ready with a fallback, which answers, a file of the workspace inline', async () => {
    await using upstream = await startScriptedOpenAI()
    await using server = await startTestServer({
      CLAUDE_PATH: '/nowhere/claude',
      FALLBACK_API_URL_1: upstream.url,
    })
    await writeFile(join(server.workspace, 'notes.txt'), 'The code word is heron.')
    const { text, headers } = await ask(server.client, {
      model: 'gpt-4o',
      claude_options: { files: ['notes.txt'], working_dir: server.workspace },
    })
    expect(text).toBe('Hello from the fallback.')
    expect(headers.get('x-provider')).toBe('fallback-1')
    expect(JSON.stringify(upstream.received[0]?.body)).toContain('The code word is heron.')
    expect(await ready(server.url)).toMatchObject({ status: 200, body: { status: 'ready' } })
  })

  it('of a version that is too old refuses to start, with both versions', async () => {
    await using folder = await temporaryFolder()
    const path = await claudeOfVersion(folder.path, '1.0.17')
    const start = startTestServer({ CLAUDE_PATH: path })
    await expect(start).rejects.toMatchObject({
      code: 'claude_not_installed',
      message: expect.stringMatching(/\b1\.0\.17\b/),
    })
    await expect(start).rejects.toThrow(minimumVersion)
  })
})

describe('a Claude Code without a login', () => {
  it('is a 503 that says what to do, and the model is not asked', async () => {
    await using server = await startTestServer({ ANTHROPIC_API_KEY: '' })
    const error = await failure(ask(server.client))
    expect(error).toMatchObject({ status: 503, code: 'claude_not_logged_in' })
    expect(error.message).toMatch(/\/login.*ANTHROPIC_API_KEY/)
    expect(await failure(askStream(server.client))).toMatchObject({ code: 'claude_not_logged_in' })
    expect(server.anthropic.requests).toEqual([])
  })
})

describe("a plan's usage limit", () => {
  it('is a 429 until the time at which the plan says it resets', async () => {
    await using anthropic = await startScriptedAnthropic()
    await using server = await startTestServer(
      { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-dummy' },
      anthropic,
    )
    const reset = Math.floor(Date.now() / 1000) + 5_400
    anthropic.respond = () =>
      fails(429, 'rate_limit_error', 'This request would exceed your account rate limit', {
        'retry-after': '5400',
        'anthropic-ratelimit-unified-status': 'rejected',
        'anthropic-ratelimit-unified-reset': String(reset),
        'anthropic-ratelimit-unified-representative-claim': 'five_hour',
        'anthropic-ratelimit-unified-overage-status': 'rejected',
        'anthropic-ratelimit-unified-overage-disabled-reason': 'org_level_disabled',
      })
    for (const send of [ask, askStream]) {
      const error = await failure(send(server.client))
      expect(error).toMatchObject({
        status: 429,
        code: 'usage_limit_reached',
        type: 'rate_limit_error',
      })
      expect(error.message).toContain(new Date(reset * 1000).toISOString())
      const seconds = Number(error.headers?.get('retry-after'))
      expect(Math.abs(Date.now() / 1000 + seconds - reset)).toBeLessThan(10)
      expect(error.headers?.get('x-should-retry')).toBe('false')
    }
    expect(anthropic.requests[0]?.headers.authorization).toBe('Bearer sk-ant-oat01-dummy')
  })
})
