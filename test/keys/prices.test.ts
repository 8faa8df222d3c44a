import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/storage/open-store.ts'
import { ask, askStream, readAll } from '../api/server/support.ts'
import { eventually } from '../faults/support.ts'
import { fails } from '../scripted-anthropic/server.ts'
import {
  completion,
  frame,
  type ScriptedOpenAI,
  startScriptedOpenAI,
  textFrames,
  usageChunk,
} from '../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientWith, makeKey } from './support.ts'

let fallback: ScriptedOpenAI

beforeAll(async () => {
  fallback = await startScriptedOpenAI()
})
afterAll(() => fallback[Symbol.asyncDispose]())
beforeEach(() => {
  fallback.received.length = 0
  fallback.answer({ type: 'plain', body: completion('From the fallback.') })
})

/** A server whose Claude is away, so that the fallback answers. */
async function serverWith(price: string | undefined): Promise<TestServer> {
  const server = await startTestServer({
    FALLBACK_API_URL_1: fallback.url,
    FALLBACK_API_NAME_1: 'other',
    ...(price !== undefined && { FALLBACK_API_PRICE_1: price }),
    BREAKER_FAILURES: '1000',
  })
  server.anthropic.respond = () => fails(529, 'overloaded_error', 'Overloaded')
  return server
}

/** What a key with a budget has been charged by use of the client, in millionths of a dollar, and what its usage says. */
async function charged(
  server: TestServer,
  use: (client: ReturnType<typeof clientWith>) => Promise<unknown>,
): Promise<{ micros: number | undefined; tokens: number | undefined; shown: number | undefined }> {
  const { id, text } = await makeKey(server, { policy: { limits: { usd_per_day: 5 } } })
  await use(clientWith(server, text))
  const store = await openStore({ dataDir: server.dataDir, instance: 'command' })
  await eventually('it is settled', async () => (await store.meters.find(id))?.turns === 0)
  const meter = await store.meters.find(id)
  await store.close()
  const response = await fetch(`${server.url}/v1/usage`, {
    headers: { authorization: `Bearer ${text}` },
  })
  const { data } = (await response.json()) as {
    data: { cost_usd: number; input_tokens: number; output_tokens: number }[]
  }
  const [day] = data
  return {
    micros: meter?.dayMicros,
    tokens: day && day.input_tokens + day.output_tokens,
    shown: day?.cost_usd,
  }
}

async function read(
  client: ReturnType<typeof clientWith>,
  more: Parameters<typeof askStream>[1] = {},
): Promise<Awaited<ReturnType<typeof readAll>>> {
  const { chunks } = await askStream(client, more)
  return readAll(chunks)
}

// The scripted API says that it has used 20 prompt tokens, 5 of them cached, and 7 of the answer.

describe('the price of a fallback', { timeout: 60_000 }, () => {
  it('is what its answer costs: in the budget, in the usage and in a header', async () => {
    await using server = await serverWith('2,8,1')
    const bill = await charged(server, async (client) => {
      const { headers } = await ask(client)
      expect(headers.get('x-cost-usd')).toBe('0.000091')
      expect(headers.get('x-claude-cost-usd')).toBe(null)
    })
    expect(bill).toEqual({ micros: 91, tokens: 27, shown: 0.000_091 })
  })

  it('counts cached tokens as others where nothing is said of them', async () => {
    await using server = await serverWith('2,8')
    expect(await charged(server, (client) => ask(client))).toMatchObject({ micros: 96 })
  })

  it('is known of streams too, whose usage is asked for and kept from callers who have not', async () => {
    await using server = await serverWith('2,8,1')
    fallback.answer({ type: 'stream', frames: textFrames('From ', 'a stream.') })
    const hidden = await charged(server, async (client) => {
      const { text, chunks } = await read(client)
      expect(text).toBe('From a stream.')
      expect(chunks.filter(({ choices }) => choices.length === 0)).toEqual([])
    })
    expect(hidden).toEqual({ micros: 91, tokens: 27, shown: 0.000_091 })
    expect(fallback.received[0]?.body).toMatchObject({ stream_options: { include_usage: true } })
    const asked = await charged(server, async (client) => {
      const { chunks } = await read(client, { stream_options: { include_usage: true } })
      expect(chunks.at(-1)?.usage).toMatchObject({ total_tokens: 27 })
    })
    expect(asked).toEqual(hidden)
  })
})

describe('a fallback without a price', { timeout: 60_000 }, () => {
  it('is charged as dear as any, and its usage has no cost', async () => {
    await using server = await serverWith(undefined)
    const bill = await charged(server, async (client) => {
      const { headers } = await ask(client)
      expect(headers.get('x-cost-usd')).toBe(null)
    })
    expect(bill).toEqual({ micros: 20 * 15 + 7 * 75, tokens: 27, shown: 0 })
  })

  it('is asked as the caller asks, and charged by an estimate where it does not tell its usage', async () => {
    await using server = await serverWith(undefined)
    const frames = textFrames('Some ', 'words.').filter((text) => text !== frame(usageChunk))
    fallback.answer({ type: 'stream', frames })
    const bill = await charged(server, async (client) => {
      expect((await read(client)).text).toBe('Some words.')
    })
    expect(fallback.received[0]?.body.stream_options).toBeUndefined()
    expect(bill).toMatchObject({ tokens: 0, shown: 0 })
    expect(bill.micros).toBeGreaterThan(5_000 * 15)
    expect(bill.micros).toBeLessThan(1_000_000)
  })
})
