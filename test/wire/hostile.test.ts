import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ResponseBook } from '../../src/responses/response-book.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { says, serve, type TestServer } from '../http/server.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/claude.ts'
import { startTestServer, type TestServer as RealServer } from '../support/server.ts'
import { besideBodies, hostileBodies, hostilePaths } from './bodies.ts'
import { problemsOf } from './checked-client.ts'
import { isObject, parsed } from './frames.ts'

let folder: TemporaryFolder
let store: Store
let server: TestServer
beforeAll(async () => {
  folder = await temporaryFolder()
  store = await openStore({ dataDir: folder.path })
  const responses = new ResponseBook({ storage: Promise.resolve(store), keepMs: 3_600_000 })
  server = await serve(() => says('Hel', 'lo'), { responses })
})
afterAll(async () => {
  await server.close()
  await store.close()
  await folder[Symbol.asyncDispose]()
})

/** No answer takes longer here, in milliseconds. */
const patienceMs = 60_000
const repeats = { numRuns: 25, endOnFailure: true }
const several = { minLength: 8, maxLength: 8 }

/** Sends a body and holds the answer to what every answer must be: in time, no fault of ours, by the rules, and naming the field. */
async function send(
  url: string,
  path: string,
  body: string | undefined,
  method = 'POST',
): Promise<void> {
  const response = await fetch(`${url}/v1${path}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body }),
    signal: AbortSignal.timeout(patienceMs),
  })
  const said = `${method} ${path} ${body?.slice(0, 2_000)}\n→ ${response.status}`
  const answer = response.clone()
  // The model here calls nothing; of a request that must have a call that is told as its failure.
  const isRefused = response.status === 502 && (body ?? '').includes('"tool_choice"')
  expect(isRefused ? 200 : response.status, said).toBeLessThan(500)
  const [address = ''] = path.split('?')
  expect(await problemsOf({ method, path: address, body: body ?? '' }, response), said).toEqual([])
  if (response.status === 400 && isObject(parsed(body ?? ''))) {
    const { error } = (await answer.json()) as { error: { param: unknown; message: string } }
    expect(error.param, `${said} ${error.message}`).toEqual(expect.any(String))
  }
}

afterEach(() => {
  expect(server.faults).toEqual([])
})

const kinds = Object.entries(hostileBodies).flatMap(([path, bodies]) =>
  Object.entries(bodies).map(([kind, texts]) => ({ path: `/${path}`, kind, texts })),
)

describe('a hostile request is answered in order', () => {
  it.each(kinds)('POST $path: $kind', async ({ path, texts }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(texts, several), async (bodies) => {
        await Promise.all(bodies.map((body) => send(server.url, path, body)))
      }),
      repeats,
    )
  })

  it('to what is beside responses', async () => {
    const beside = ['/responses/compact', '/responses/input_tokens', '/conversations']
    await fc.assert(
      fc.asyncProperty(fc.array(besideBodies, several), async (bodies) => {
        await Promise.all(
          bodies.flatMap((body) => beside.map((path) => send(server.url, path, body))),
        )
      }),
      repeats,
    )
  })

  it('to addresses of what is not there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(hostilePaths, besideBodies), several), async (asked) => {
        await Promise.all(
          asked.map(([{ method, path }, body]) =>
            send(server.url, path, method === 'POST' ? body : undefined, method),
          ),
        )
      }),
      repeats,
    )
  })
})

describe('a text with a NUL, which the storage does not take', () => {
  it.each([
    ['GET', '/responses/a%00b', undefined, 'id'],
    ['GET', '/conversations/conv_%00/items', undefined, 'id'],
    ['POST', '/responses', { input: 'x', previous_response_id: '\0' }, 'previous_response_id'],
    ['POST', '/responses', { input: 'x', conversation: { id: '\0' } }, 'conversation.id'],
  ])('%s %s names it', async (method, path, body, param) => {
    const response = await server.fetch(`/v1${path}`, {
      method,
      ...(body && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { code: 'invalid_value', param, message: expect.stringContaining(param) },
    })
  })
})

describe('with Claude Code behind, a hostile request is answered in order', () => {
  const faults: unknown[] = []
  let claude: RealServer
  beforeAll(async () => {
    const telemetry = { ...silentTelemetry, fault: (error: unknown) => void faults.push(error) }
    claude = await startTestServer({ LIVE_CONVERSATIONS: '0' }, undefined, telemetry)
  })
  afterAll(() => claude.close())

  const understood = kinds.filter(({ kind }) => kind !== 'wholes')
  it.each(understood)('POST $path: $kind', { timeout: 120_000 }, async ({ path, texts }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(texts, several), async (bodies) => {
        await Promise.all(bodies.map((body) => send(claude.url, path, body)))
        expect(faults).toEqual([])
      }),
      { numRuns: 1, endOnFailure: true },
    )
  })
})
