import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { TurnError, type ErrorCode } from '../../src/turn/error.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { all, hello, says, until } from './server.ts'
import { oneServer } from './one-server.ts'

const { start } = oneServer()

const request = { model: 'sonnet', messages: hello }

async function* fails(error: Error, ...before: TurnEvent[]): AsyncGenerator<TurnEvent> {
  yield* before
  throw error
}

async function failure(promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof OpenAI.APIError)) throw new Error(`no APIError: ${String(error)}`)
  return error
}

describe('a failure before the first output', () => {
  const kinds: [ErrorCode, abstract new (...parts: never[]) => Error, number][] = [
    ['context_length_exceeded', OpenAI.BadRequestError, 400],
    ['forbidden', OpenAI.PermissionDeniedError, 403],
    ['model_not_found', OpenAI.NotFoundError, 404],
    ['rate_limit_exceeded', OpenAI.RateLimitError, 429],
    ['overloaded', OpenAI.InternalServerError, 503],
    ['claude_crashed', OpenAI.InternalServerError, 502],
    ['first_token_timeout', OpenAI.InternalServerError, 504],
  ]
  it.each(kinds)('is %s with its status, streaming or not', async (code, kind, status) => {
    const { client, finished } = await start(() =>
      fails(new TurnError(code, 'What to do.', { param: 'model' })),
    )
    for (const stream of [false, true]) {
      const error = await failure(client.chat.completions.create({ ...request, stream }))
      expect(error).toBeInstanceOf(kind)
      expect(error).toMatchObject({ status, code, param: 'model', requestID: expect.any(String) })
      expect(error.message).toContain('What to do.')
    }
    await until(() => finished.length === 2)
    expect(finished[1]).toMatchObject({ status, errorCode: code })
  })

  it('tells when to come back', async () => {
    const { post } = await start(() =>
      fails(new TurnError('usage_limit_reached', 'Later.', { retryAfterMs: 90_500 })),
    )
    const { headers } = await post(request)
    expect(Object.fromEntries(headers)).toMatchObject({
      'retry-after': '91',
      'retry-after-ms': '90500',
      'x-should-retry': 'false',
    })
  })

  it('lets the client repeat a short limit by itself', async () => {
    const { url, backend } = await start((_turn, _context, run) =>
      run === 0
        ? fails(new TurnError('rate_limit_exceeded', 'Later.', { retryAfterMs: 20 }))
        : says('x'),
    )
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any' })
    const answer = await client.chat.completions.create(request)
    expect(answer.choices[0]?.message.content).toBe('x')
    expect(backend.runs).toHaveLength(2)
  })

  it('keeps the words of a fault of this server to the log', async () => {
    for (const fault of [new Error('secret'), new TurnError('server_error', 'secret')]) {
      const { post, faults, close } = await start(() => fails(fault))
      const response = await post(request)
      expect(response.status).toBe(500)
      expect(await response.json()).toEqual({
        error: {
          message: expect.not.stringContaining('secret'),
          type: 'server_error',
          param: null,
          code: 'server_error',
        },
      })
      expect(faults).toHaveLength(1)
      expect(
        faults
          .map((error) => `${String(error)} ${error instanceof Error && String(error.cause)}`)
          .join(),
      ).toContain('secret')
      await close()
    }
  })

  it.each([false, true])(
    'of one of several choices stops the others (stream: %s)',
    async (stream) => {
      const stopped: number[] = []
      const { client } = await start(async function* (_turn, { cancellation: { signal } }, run) {
        if (run === 1) throw new TurnError('overloaded', 'Busy.')
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        stopped.push(run)
        yield* fails(signal.reason as Error)
      })
      const error = await failure(client.chat.completions.create({ ...request, n: 3, stream }))
      expect(error.code).toBe('overloaded')
      expect(stopped).toEqual([0, 2])
    },
  )
})

describe('a failure after the first output', () => {
  it('is an error frame and the end, without [DONE]', async () => {
    const begun: TurnEvent[] = [
      { type: 'start', id: 'a', provider: 'claude', model: 'm' },
      { type: 'text-start', block: 0 },
      { type: 'text-delta', block: 0, text: 'Hel' },
    ]
    const { client, post, finished } = await start(() =>
      fails(new TurnError('idle_timeout', 'It stopped.'), ...begun),
    )
    const text = await (await post({ ...request, stream: true })).text()
    expect(text).not.toContain('[DONE]')
    expect(
      text.endsWith(
        'data: {"error":{"message":"It stopped.","type":"server_error","param":null,"code":"idle_timeout"}}\n\n',
      ),
    ).toBe(true)
    await until(() => finished.length === 1)
    expect(finished[0]).toMatchObject({ status: 200, errorCode: 'idle_timeout' })
    let got = ''
    const stream = await client.chat.completions.create({ ...request, stream: true })
    const error = await failure(
      (async () => {
        for await (const chunk of stream) got += chunk.choices[0]?.delta.content ?? ''
      })(),
    )
    expect(error).toMatchObject({ code: 'idle_timeout', message: 'It stopped.' })
    expect(got).toBe('Hel')
  })
})

describe('a silence', () => {
  it('is filled with comments once the heartbeat time is over, and a failure is then a frame', async () => {
    const { post } = await start(
      async function* () {
        await new Promise((resolve) => setTimeout(resolve, 200))
        yield* fails(new TurnError('overloaded', 'Busy.'))
      },
      { heartbeatMs: 40 },
    )
    const response = await post({ ...request, stream: true })
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(text.split(': keep-alive\n\n').length).toBeGreaterThan(2)
    expect(text).toContain('"code":"overloaded"')
  })

  it('is no trouble for the client, in the middle either', async () => {
    const { client } = await start(
      async function* () {
        await new Promise((resolve) => setTimeout(resolve, 100))
        for await (const event of says('a', 'b')) {
          yield event
          if (event.type === 'text-delta') await new Promise((resolve) => setTimeout(resolve, 100))
        }
      },
      { heartbeatMs: 30 },
    )
    const stream = await client.chat.completions.create({ ...request, stream: true })
    const pieces = await all(stream)
    expect(pieces.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('ab')
  })
})
