import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KeyPolicy } from '../../src/access/policy.ts'
import { eventually } from '../faults/support.ts'
import { type ScriptedOpenAI, startScriptedOpenAI } from '../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientWith, makeKey } from './support.ts'

let vendor: ScriptedOpenAI
let server: TestServer

beforeAll(async () => {
  vendor = await startScriptedOpenAI()
  server = await startTestServer({
    CLAUDE_PATH: '/nowhere/claude',
    FALLBACK_API_NAME_1: 'vendor',
    FALLBACK_API_URL_1: vendor.url,
  })
})
afterAll(async () => {
  await server.close()
  await vendor[Symbol.asyncDispose]()
})
beforeEach(() => {
  vendor.received.length = 0
  vendor.answer({ type: 'plain', body: { object: 'list', data: [], model: 'e' } })
})

async function clientOf(policy: KeyPolicy): Promise<OpenAI> {
  const { text } = await makeKey(server, { policy })
  return clientWith(server, text)
}

/** How requests to two of the endpoints end for a key. */
async function outcomes(client: OpenAI): Promise<unknown[]> {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${server.baseURL}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const { error } = (await response.json()) as { error?: { code: string } }
    return error ? `${response.status} ${error.code}` : response.status
  }
  return [
    await post('/embeddings', { model: 'e', input: 'x' }),
    await post('/images/generations', { model: 'i', prompt: 'x' }),
  ]
}

describe('what is passed on unread, and a key', { timeout: 60_000 }, () => {
  it('that is not limited', async () => {
    expect(await outcomes(await clientOf({}))).toEqual([200, 200])
    expect(await outcomes(await clientOf({ tools: [], auto_allow: false }))).toEqual([200, 200])
  })

  it.each<[string, KeyPolicy]>([
    ['in models', { models: ['e'] }],
    ['in tokens', { limits: { tokens_per_minute: 1_000_000 } }],
    ['in money by the day', { limits: { usd_per_day: 1_000 } }],
    ['in money by the month', { limits: { usd_per_month: 1_000 } }],
    ['in money by the turn', { limits: { usd_per_turn: 1_000 } }],
    ['to other providers', { providers: ['claude-code', 'another'] }],
  ])('that is limited %s is refused', async (_what, policy) => {
    const client = await clientOf(policy)
    expect(await outcomes(client)).toEqual(['403 forbidden', '403 forbidden'])
    expect(vendor.received).toEqual([])
  })

  it('that may use the provider', async () => {
    expect(await outcomes(await clientOf({ providers: ['vendor'] }))).toEqual([200, 200])
  })

  it('with so many requests a minute', async () => {
    const client = await clientOf({ limits: { requests_per_minute: 3 } })
    const [first, second] = [await embed(client), await embed(client)]
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('2')
    expect(second.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    await embed(client)
    const error = await embed(client).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(error).toMatchObject({ code: 'rate_limit_exceeded' })
    expect(vendor.received).toHaveLength(3)
  })

  it('with one turn at once, until its answer is over', async () => {
    const client = await clientOf({ limits: { turns_at_once: 1 } })
    vendor.answer({ type: 'silence' })
    const leaving = new AbortController()
    const running = embed(client, leaving.signal).catch((thrown: unknown) => thrown)
    await vendor.request(0)
    await expect(embed(client)).rejects.toMatchObject({ status: 429 })
    expect(vendor.received).toHaveLength(1)
    leaving.abort()
    await running
    vendor.answer({ type: 'plain', body: { object: 'list', data: [], model: 'e' } })
    await eventually('its place is free', () =>
      embed(client).then(
        () => true,
        () => false,
      ),
    )
  })
})

async function embed(client: OpenAI, signal?: AbortSignal): Promise<Response> {
  return client.embeddings
    .create(
      { model: 'e', input: 'x', encoding_format: 'float' },
      signal === undefined ? {} : { signal },
    )
    .asResponse()
}
