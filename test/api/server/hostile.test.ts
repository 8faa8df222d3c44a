import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentTelemetry } from '../../../src/telemetry/silent.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { problemsOf } from '../../wire/checked-client.ts'
import { nearlyRight, notEvenJson } from './bodies.ts'
import { ask } from './support.ts'

let server: TestServer
const faults: unknown[] = []
const telemetry = { ...silentTelemetry, fault: (error: unknown) => void faults.push(error) }
beforeAll(async () => {
  server = await startTestServer(
    { MAX_CHOICES: '2', LIVE_CONVERSATIONS: '0' },
    undefined,
    telemetry,
  )
})
afterAll(() => server.close())

/** No answer takes longer here, in milliseconds. */
const patienceMs = 20_000

/** Sends a body and holds the answer to what every answer must be. */
async function send(body: string): Promise<void> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(patienceMs),
  })
  const answer = response.clone()
  const text = await answer.text()
  const said = `${body.slice(0, 2_000)}\n→ ${response.status} ${text.slice(0, 500)}`
  // A caller may ask for a time limit that cannot be kept.
  if (!text.includes('"turn_timeout"')) expect(response.status, said).toBeLessThan(500)
  expect(text, said).not.toContain('"code":"server_error"')
  const request = { method: 'POST', path: '/chat/completions', body }
  expect(await problemsOf(request, response), said).toEqual([])
  // However long what it quotes is.
  if (!response.ok) expect(text.length, said).toBeLessThan(2_500)
}

describe('a hostile body', () => {
  it.each([
    ['with strange messages', nearlyRight.messages, 8],
    ['with strange parameters', nearlyRight.parameters, 8],
    ['with strange claude_options', nearlyRight.claude_options, 8],
    ['that is not even JSON', notEvenJson, 5],
  ])(
    '%s is answered in order, whatever it is',
    { timeout: 240_000 },
    async (_name, bodies, batches) => {
      const batch = fc.array(bodies, { minLength: 8, maxLength: 8 })
      await fc.assert(
        fc.asyncProperty(batch, async (texts) => {
          await Promise.all(texts.map(send))
          expect(faults).toEqual([])
        }),
        { numRuns: batches, endOnFailure: true },
      )
    },
  )

  it('leaves the server well, its files unread and its processes few', async () => {
    expect((await ask(server.client)).text).toBe('Hello from the scripted model.')
    expect(JSON.stringify(server.anthropic.requests)).not.toContain('root:x:0:0')
    expect((await fetch(`${server.url}/ready`)).status).toBe(200)
    await expect
      .poll(async () => (await server.processes()).length, { timeout: 10_000 })
      .toBeLessThan(3)
  })
})
