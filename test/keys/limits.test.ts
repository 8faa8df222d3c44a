import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { type KeyLimits } from '../../src/access/policy.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { ask, askStream, readAll } from '../api/server/support.ts'
import { eventually } from '../faults/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientWith, makeKey } from './support.ts'

async function limited(
  server: TestServer,
  limits: KeyLimits,
): Promise<{ id: string; client: OpenAI }> {
  const { id, text } = await makeKey(server, { policy: { limits } })
  return { id, client: clientWith(server, text) }
}

async function refused(
  client: OpenAI,
  request = {},
): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await ask(client, request)
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error
    throw error
  }
  throw new Error('It was let in.')
}

describe('the limits of a key', { timeout: 60_000 }, () => {
  it('hold requests a minute, with the headers that OpenAI has', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    const { client } = await limited(server, { requests_per_minute: 2 })
    const first = await ask(client)
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect(first.headers.get('x-ratelimit-reset-requests')).toBe('30s')
    await ask(client)
    const error = await refused(client)
    expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    const wait = Number(error.headers?.get('retry-after'))
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(30)
    expect(error.headers?.get('x-ratelimit-remaining-requests')).toBe('0')
  })

  it('count the tokens that were used, and not what was set aside', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    const { client, id } = await limited(server, { tokens_per_minute: 5_000 })
    const { answer } = await ask(client, { max_tokens: 4_000 })
    const store = await openStore({ dataDir: server.dataDir, instance: 'command' })
    await eventually('it is settled', async () => (await store.meters.find(id))?.turns === 0)
    const meter = await store.meters.find(id)
    await store.close()
    const used = answer.usage?.total_tokens ?? 0
    expect(meter?.tokens).toBeLessThanOrEqual(used)
    expect(meter?.tokens).toBeGreaterThan(used - 1_000)
  })

  it('hold turns at once, and let the next in when one is over, streamed or not', async () => {
    await using server = await startTestServer()
    let goOn: (() => void) | undefined
    const waits = new Promise<void>((resolve) => (goOn = resolve))
    let asked = 0
    server.anthropic.respond = async () => {
      if (++asked === 1) await waits
      return says('Hi.')
    }
    const { client } = await limited(server, { turns_at_once: 1 })
    const running = ask(client)
    await eventually('it runs', () => asked === 1)
    expect(await refused(client)).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
    goOn?.()
    expect((await running).text).toBe('Hi.')
    for (let round = 0; round < 3; round++) {
      const { chunks } = await askStream(client)
      expect((await readAll(chunks)).text).toBe('Hi.')
    }
    expect((await ask(client)).text).toBe('Hi.')
  })

  it('end a budget with the code that OpenAI has, and charge what a turn really cost', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    const { client, id } = await limited(server, { usd_per_day: 0.000_001 })
    const { answer } = await ask(client)
    const error = await refused(client)
    expect(error).toMatchObject({
      status: 429,
      code: 'insufficient_quota',
      type: 'insufficient_quota',
    })
    expect(error.headers?.get('x-should-retry')).toBe('false')
    const store = await openStore({ dataDir: server.dataDir, instance: 'command' })
    const meter = await store.meters.find(id)
    await store.close()
    expect(meter?.dayMicros).toBe(Math.round((answer.claude?.cost_usd ?? 0) * 1_000_000))
    expect(meter?.dayMicros).toBeGreaterThan(0)
  })

  it('give back what was set aside when a turn fails before it begins', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    const { client } = await limited(server, { usd_per_day: 0.5, turns_at_once: 1 })
    const bad = { claude_options: { working_dir: '/nowhere' } }
    expect(await refused(client, bad)).toMatchObject({ status: 403 })
    expect((await ask(client)).text).toBe('Hi.')
  })
})
