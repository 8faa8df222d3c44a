import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cancellation } from '../../src/turn/cancellation.ts'
import { fallback } from '../../src/routing/fallback.ts'
import type { Backend } from '../../src/turn/backend.ts'
import { TurnError } from '../../src/turn/error.ts'
import { providerOf } from '../support/providers.ts'
import { createUpstream, type Upstream } from '../../src/upstreams/upstream.ts'
import {
  chunk,
  frame,
  roleChunk,
  type Script,
  type ScriptedOpenAI,
  startScriptedOpenAI,
  textFrames,
} from './server.ts'
import { contextOf, record, relayed, turnOf, typesOf } from './turns.ts'

const claude: Backend = {
  name: 'claude-code',
  // oxlint-disable-next-line require-yield
  async *run() {
    throw new TurnError('overloaded', 'Claude is overloaded.', { retryAfterMs: 2000 })
  },
}

let apis: ScriptedOpenAI[]
let upstreams: Upstream[]
let chain: Backend

beforeEach(async () => {
  apis = await Promise.all([1, 2, 3].map(() => startScriptedOpenAI()))
  const limits = {
    connectMs: 20_000,
    headersMs: 200,
    firstOutputMs: 200,
    idleMs: 200,
    answerMs: 200,
    silenceMs: 200,
    turnMs: 20_000,
  }
  upstreams = apis.map(({ url }, index) =>
    createUpstream(
      { name: `api-${index + 1}`, url, timeouts: limits },
      {
        resolveAttachments: () => Promise.resolve([{ type: 'text', text: 'file content' }]),
        now: Date.now,
      },
    ),
  )
  chain = fallback([claude, ...upstreams].map((backend) => providerOf(backend)))
})

afterEach(async () => {
  await Promise.all(upstreams.map((upstream) => upstream[Symbol.asyncDispose]()))
  await Promise.all(apis.map((api) => api[Symbol.asyncDispose]()))
})

function answer(...scripts: Script[]): void {
  for (const [index, script] of scripts.entries()) apis[index]?.answer(script)
}

function calls(): number[] {
  return apis.map(({ received }) => received.length)
}

const good: Script = { type: 'stream', frames: textFrames('Hello') }
const stream = contextOf({ stream: true })

describe('fallback over upstreams', () => {
  it.each<[string, Script, Script]>([
    ['a status and a reset', { type: 'status', status: 503 }, { type: 'reset' }],
    ['silence and an empty answer', { type: 'silence' }, { type: 'stream', frames: [] }],
    [
      'a stall and a cut before any output',
      { type: 'stream', frames: [frame(roleChunk)], after: 'stall' },
      { type: 'stream', frames: [frame(roleChunk)], after: 'cut' },
    ],
    [
      'an error inside the stream and refused credentials',
      { type: 'stream', frames: [frame({ error: { code: 'insufficient_quota' } })] },
      { type: 'status', status: 401 },
    ],
  ])('goes 1, 2, 3 past %s, and streams the third', async (_name, first, second) => {
    answer(first, second, good)
    const { events, error } = await record(chain.run(turnOf(), stream))
    expect(error).toBeUndefined()
    expect(typesOf(events)).toEqual(['start', 'relay', 'relay', 'relay', 'relay', 'finish'])
    expect(events[0]).toMatchObject({ provider: 'api-3', model: 'scripted-model-2' })
    expect(calls()).toEqual([1, 1, 1])
  })

  it('answers plainly from the second when the first is throttled', async () => {
    answer({ type: 'status', status: 429, headers: { 'retry-after': '1' } })
    const { events } = await record(chain.run(turnOf(), contextOf()))
    expect(events[0]).toMatchObject({ type: 'start', provider: 'api-2' })
    expect(calls()).toEqual([1, 1, 0])
  })

  it('gives a cut stream’s beginning and an error, never another API’s answer', async () => {
    answer({ type: 'stream', frames: [frame(chunk({ content: 'Hel' }))], after: 'cut' }, good)
    const { events, error } = await record(chain.run(turnOf(), stream))
    expect(relayed(events)).toEqual([chunk({ content: 'Hel' })])
    expect(error?.code).toBe('upstream_error')
    expect(calls()).toEqual([1, 0, 0])
  })

  it('does not ask others about a request that is wrong', async () => {
    answer({ type: 'status', status: 400, body: { error: { message: 'bad', param: 'top_p' } } })
    const { error } = await record(chain.run(turnOf(), stream))
    expect(error).toMatchObject({ code: 'invalid_request', param: 'top_p' })
    expect(calls()).toEqual([1, 0, 0])
  })

  it('throws Claude’s own failure when all fail', async () => {
    answer({ type: 'status', status: 500 }, { type: 'status', status: 429 }, { type: 'reset' })
    const { error } = await record(chain.run(turnOf(), stream))
    expect(error).toMatchObject({
      code: 'overloaded',
      retryAfterMs: 2000,
      message:
        'Claude is overloaded. 3 fallbacks failed as well (api-1: upstream_error, api-2: rate_limit_exceeded, api-3: upstream_error).',
    })
  })

  it('sends files along, drops conveniences with a notice, and calls nobody for what needs Claude Code', async () => {
    const { events } = await record(
      chain.run(turnOf({}, { files: ['a'], debug: true }), contextOf()),
    )
    expect(events[0]).toEqual({ type: 'notice', notice: { type: 'dropped-option', name: 'debug' } })
    expect(apis[0]?.received[0]?.body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Say hello' },
          { type: 'text', text: 'file content' },
        ],
      },
    ])
    const refused = await record(chain.run(turnOf({}, { tools: ['Read'] }), contextOf()))
    expect(refused.error?.message).toContain('needs Claude Code itself (claude_options: tools)')
    expect(calls()).toEqual([1, 0, 0])
  })

  it('closes the upstream within a second when the caller leaves, and asks no other', async () => {
    answer({ type: 'silence' })
    const caller = new Cancellation()
    const running = record(chain.run(turnOf(), contextOf({ cancellation: caller })))
    const request = await apis[0]?.request(0)
    const left = performance.now()
    caller.abort()
    expect((await running).error?.code).toBe('request_cancelled')
    expect(await request?.closedEarly).toBe(true)
    expect(performance.now() - left).toBeLessThan(1000)
    expect(calls()).toEqual([1, 0, 0])
  })
})
