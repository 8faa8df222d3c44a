import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { says, serve, type TestServer as TestApp } from '../http/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { nearlyRight } from './bodies.ts'
import { problemsOf } from './client.ts'

/** No answer takes longer here, in milliseconds. */
const patienceMs = 60_000

/** Sends a body and holds the answer to what every answer must be. */
async function send(url: string, body: string, path = '/v1/messages'): Promise<void> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(patienceMs),
  })
  const said = `${body.slice(0, 2_000)}\n→ ${response.status}`
  // The model here calls nothing; of a request that must have a call that is told as its failure.
  const isRefused = response.status === 502 && mustCall(body)
  expect(isRefused ? 200 : response.status, said).toBeLessThan(500)
  expect(await problemsOf(response), said).toEqual([])
}

/** Whether a body says that a tool is to be called. */
function mustCall(body: string): boolean {
  return /"tool_choice":\{"type":"(?:any|tool)"/.test(body)
}

const kinds = Object.entries(nearlyRight)

describe('a hostile body', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await serve(() => says('Hel', 'lo'))
  })
  afterAll(() => app.close())

  it.each(kinds)('is answered in order: %s', { timeout: 240_000 }, async (_, bodies) => {
    await fc.assert(
      fc.asyncProperty(fc.array(bodies, { minLength: 8, maxLength: 8 }), async (texts) => {
        await Promise.all(texts.map((text) => send(app.url, text)))
        await Promise.all(texts.map((text) => send(app.url, text, '/v1/messages/count_tokens')))
        expect(app.faults).toEqual([])
      }),
      { numRuns: 40, endOnFailure: true },
    )
  })
})

describe('a hostile body, with Claude Code behind', () => {
  let server: TestServer
  const faults: unknown[] = []
  beforeAll(async () => {
    const telemetry = { ...silentTelemetry, fault: (error: unknown) => void faults.push(error) }
    server = await startTestServer({ LIVE_CONVERSATIONS: '0' }, undefined, telemetry)
  })
  afterAll(() => server.close())

  it.each(kinds)('is answered in order: %s', { timeout: 240_000 }, async (_, bodies) => {
    await fc.assert(
      fc.asyncProperty(fc.array(bodies, { minLength: 8, maxLength: 8 }), async (texts) => {
        await Promise.all(texts.map((text) => send(server.url, text)))
        expect(faults).toEqual([])
      }),
      { numRuns: 3, endOnFailure: true },
    )
  })
})
