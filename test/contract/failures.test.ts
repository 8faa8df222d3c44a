import { createServer } from 'node:http'
import { once } from 'node:events'
import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  cutsAfter,
  fails,
  says,
  type Step,
  stopsWith,
  streamError,
} from '../scripted-anthropic/server.ts'
import type { ErrorCode } from '../../src/turn/error.ts'
import { type ResultMessage, Stage, type StartOptions, type TestProcess } from './support.ts'

const stage = await Stage.open()
/** Failed turns leave a process usable, so one serves them all. */
let shared: TestProcess
beforeAll(async () => {
  shared = await stage.start()
})
afterAll(async () => {
  await shared[Symbol.asyncDispose]()
  await stage.close()
})

/** The `error` kind of the synthetic assistant message. */
function kindOf(messages: readonly SDKMessage[]): string | undefined {
  return messages.flatMap((message) => (message.type === 'assistant' && message.error) || [])[0]
}

function resultOf(messages: readonly SDKMessage[]): ResultMessage | undefined {
  return messages.find((message) => message.type === 'result')
}

/** A turn that fails: what the caller is told, what the process said, and how often the API was asked. */
async function failure(step: Step, process: TestProcess = shared) {
  stage.anthropic.respond = () => step
  const before = stage.anthropic.requests.length
  const from = process.messages.length
  const error = await process.failed('Hello')
  const messages = process.messages.slice(from)
  if (!resultOf(messages)) await process.result()
  return {
    code: error.code,
    error,
    messages,
    kind: kindOf(messages),
    result: resultOf(messages),
    requests: stage.anthropic.requests.slice(before),
  }
}

type Row = { status: number; type: string; text: string; code: ErrorCode; signs: object }

const credit = 'Your credit balance is too low to access the Anthropic API.'
const tooLong = 'prompt is too long: 210000 tokens > 200000 maximum'

/** What the API answers, what Claude Code makes of it (kind, status, reason), and what we make of that. */
const rows: Record<string, Row> = {
  'a refused key (401)': {
    status: 401,
    type: 'authentication_error',
    text: 'invalid x-api-key',
    code: 'claude_not_logged_in',
    signs: { kind: 'authentication_failed', status: 401, reason: 'api_error' },
  },
  'a forbidden account (403)': {
    status: 403,
    type: 'permission_error',
    text: 'no access',
    code: 'claude_not_logged_in',
    signs: { kind: 'authentication_failed', status: 403, reason: 'api_error' },
  },
  'a limited rate (429)': {
    status: 429,
    type: 'rate_limit_error',
    text: 'slow down',
    code: 'rate_limit_exceeded',
    signs: { kind: 'rate_limit', status: 429, reason: 'api_error' },
  },
  'a fault of the API (500)': {
    status: 500,
    type: 'api_error',
    text: 'boom',
    code: 'upstream_error',
    signs: { kind: 'server_error', status: 500, reason: 'api_error' },
  },
  'an overloaded API (529)': {
    status: 529,
    type: 'overloaded_error',
    text: 'Overloaded',
    code: 'overloaded',
    signs: { kind: 'server_error', status: 529, reason: 'api_error' },
  },
  'a prompt that is too long (400)': {
    status: 400,
    type: 'invalid_request_error',
    text: tooLong,
    code: 'context_length_exceeded',
    signs: { kind: 'invalid_request', status: 400, reason: 'prompt_too_long' },
  },
  'a used-up credit (400)': {
    status: 400,
    type: 'invalid_request_error',
    text: credit,
    code: 'insufficient_quota',
    signs: { kind: 'billing_error', status: 400, reason: 'api_error' },
  },
  'another refused request (400)': {
    status: 400,
    type: 'invalid_request_error',
    text: 'messages.0: bad thing',
    code: 'invalid_request',
    signs: { kind: 'unknown', status: 400, reason: 'api_error' },
  },
  'an unknown model (404)': {
    status: 404,
    type: 'not_found_error',
    text: 'model: claude-nope',
    code: 'model_not_found',
    signs: { kind: 'model_not_found', status: 404, reason: 'api_error' },
  },
  'a request that is too large (413)': {
    status: 413,
    type: 'request_too_large',
    text: 'Request exceeds the maximum size',
    code: 'request_too_large',
    signs: { kind: 'invalid_request', status: 413, reason: 'image_error' },
  },
}

describe('a failure of the API', () => {
  it.each(Object.keys(rows))('is told by its signs: %s', async (name) => {
    const row = rows[name]
    if (!row) throw new Error(`There is no row ${name}.`)
    const { code, kind, result } = await failure(fails(row.status, row.type, row.text))
    expect(result).toMatchObject({ subtype: 'success', is_error: true, num_turns: 1 })
    const { terminal_reason: reason } = result ?? {}
    const status = result?.subtype === 'success' ? result.api_error_status : undefined
    expect({ kind, status, reason }).toEqual(row.signs)
    expect(code).toBe(row.code)
  })

  it('leaves the process usable', async () => {
    await failure(fails(529, 'overloaded_error', 'Overloaded'))
    stage.anthropic.respond = () => says('Well again.')
    expect((await shared.answered('And now?')).text).toBe('Well again.')
  })

  it('of 404 is asked about a second time, without streaming, whatever the belts', async () => {
    const { requests } = await failure(fails(404, 'not_found_error', 'model: claude-nope'))
    expect(requests.map(({ body }) => body.stream)).toEqual([true, false])
  })

  it('of 400 is asked about again with fewer beta headers, streaming', async () => {
    const { requests } = await failure(fails(400, 'invalid_request_error', 'messages.0: bad thing'))
    expect(requests.map(({ body }) => body.stream)).toEqual([true, true, true])
    const betas = requests.map(({ headers }) => String(headers['anthropic-beta']).split(',').length)
    expect(betas[1]).toBeLessThan(betas[0] ?? 0)
  })

  it('is asked about once when CLAUDE_CODE_MAX_RETRIES is 0', async () => {
    const { requests } = await failure(fails(500, 'api_error', 'boom'))
    expect(requests).toHaveLength(1)
  })
})

describe('a failure inside the stream', () => {
  it('as an error event is told by its status', async () => {
    const { code, kind, result, requests } = await failure(
      streamError('Some words', 'overloaded_error', 'Overloaded'),
    )
    expect(kind).toBe('unknown')
    expect(result).toMatchObject({ is_error: true, api_error_status: 529 })
    expect(code).toBe('overloaded')
    expect(requests).toHaveLength(1)
  })

  it('as a cut connection is a failure without a status, and asks again neither with nor without streaming', async () => {
    const { code, kind, result, requests } = await failure(cutsAfter('Some words'))
    expect(kind).toBe('server_error')
    expect(result).toMatchObject({ is_error: true, api_error_status: null })
    expect(code).toBe('upstream_error')
    expect(requests.map(({ body }) => body.stream)).toEqual([true])
  })

  it('is asked again without streaming but for CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK', async () => {
    await using process = await stage.start({
      environment: { CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: undefined },
    })
    stage.anthropic.respond = ({ body }) => (body.stream ? cutsAfter('Some words') : says('Twice'))
    const before = stage.anthropic.requests.length
    await process.turn('Hello')
    const asked = stage.anthropic.requests.slice(before)
    expect(asked.map(({ body }) => body.stream)).toEqual([true, false])
  })
})

describe('a refusal', () => {
  it('ends the answer as content-filter with what was said, after one request', async () => {
    stage.anthropic.respond = () => stopsWith('refusal', 'I cannot')
    const before = stage.anthropic.requests.length
    const answer = await shared.answered('Hello')
    expect(answer).toMatchObject({ text: 'I cannot', reason: 'content-filter' })
    await shared.turn('Still there?')
    const asked = stage.anthropic.requests.slice(before)
    expect(asked).toHaveLength(2)
  })
})

describe('a retry of Claude Code itself', () => {
  const retrying = { environment: { CLAUDE_CODE_MAX_RETRIES: '2' } } satisfies StartOptions

  it('is announced by api_retry with the delay that the API asked for, which is told at once', async () => {
    await using process = await stage.start(retrying)
    stage.anthropic.respond = () => fails(429, 'rate_limit_error', 'slow', { 'retry-after': '7' })
    const error = await process.failed('Hello')
    const retry = process.messages.at(-1)
    expect(retry).toMatchObject({ type: 'system', subtype: 'api_retry', error_status: 429 })
    expect(error.code).toBe('rate_limit_exceeded')
    // Claude Code adds some chance to the seven seconds.
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(7_000)
    expect(error.retryAfterMs).toBeLessThan(14_000)
    expect(retry).toHaveProperty('retry_delay_ms', error.retryAfterMs)
    await process.abandon()
  })

  it('that is short is waited for, and the answer comes', async () => {
    await using process = await stage.start(retrying)
    stage.anthropic.respond = () => says('After a retry.')
    stage.anthropic.enqueue(fails(529, 'overloaded_error', 'Overloaded'))
    expect((await process.answered('Hello')).text).toBe('After a retry.')
    expect(
      process.messages.some(
        (message) => message.type === 'system' && message.subtype === 'api_retry',
      ),
    ).toBe(true)
  })
})

describe('an account', () => {
  it('with a used-up plan is told by rate_limit_event with the time of the reset', async () => {
    const resetsAt = Math.floor(Date.now() / 1000) + 3_600
    await using process = await stage.start({
      environment: { ANTHROPIC_API_KEY: undefined, CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-dummy' },
    })
    const { code, error, messages } = await failure(
      fails(429, 'rate_limit_error', 'This request would exceed your account rate limit', {
        'retry-after': '3600',
        'anthropic-ratelimit-unified-status': 'rejected',
        'anthropic-ratelimit-unified-reset': String(resetsAt),
        'anthropic-ratelimit-unified-representative-claim': 'five_hour',
        'anthropic-ratelimit-unified-overage-status': 'rejected',
        'anthropic-ratelimit-unified-overage-disabled-reason': 'org_level_disabled',
      }),
      process,
    )
    const event = messages.find((message) => message.type === 'rate_limit_event')
    expect(event).toMatchObject({ rate_limit_info: { status: 'rejected', resetsAt } })
    expect(code).toBe('usage_limit_reached')
    expect(error.retryAfterMs).toBeGreaterThan(3_590_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(3_600_000)
  })

  it('without login or key is told by its kind, and the API is not asked', async () => {
    await using process = await stage.start({ environment: { ANTHROPIC_API_KEY: undefined } })
    const { code, kind, result, requests } = await failure(says('never'), process)
    expect(kind).toBe('authentication_failed')
    expect(result).toMatchObject({ subtype: 'success', is_error: true })
    expect(code).toBe('claude_not_logged_in')
    expect(requests).toHaveLength(0)
  })
})

describe('a refused connection', () => {
  it('is a failure of the API without a status', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    server.close()
    await using process = await stage.start({
      environment: { ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}` },
    })
    const { code, kind, result } = await failure(says('never'), process)
    expect(kind).toBe('server_error')
    expect(result).toMatchObject({ is_error: true, api_error_status: null })
    expect(code).toBe('upstream_error')
  })
})
