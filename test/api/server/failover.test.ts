import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { says, fails, stallsAfter } from '../../scripted-anthropic/server.ts'
import {
  completion,
  type ScriptedOpenAI,
  startScriptedOpenAI,
  textFrames,
} from '../../scripted-openai/server.ts'
import type { ProviderSwitched } from '../../../src/telemetry/events.ts'
import { silentTelemetry } from '../../../src/telemetry/silent.ts'
import { png } from '../../attachments/pictures.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask, askStream, failure, readAll, type Asking } from './support.ts'

let first: ScriptedOpenAI
let second: ScriptedOpenAI
let server: TestServer
const switches: ProviderSwitched[] = []

beforeAll(async () => {
  first = await startScriptedOpenAI()
  second = await startScriptedOpenAI()
  const settings = {
    FALLBACK_API_NAME_1: 'first',
    FALLBACK_API_URL_1: `${first.url}/v1`,
    FALLBACK_API_KEY_1: 'sk-first-secret',
    FALLBACK_API_MODEL_1: 'first-model',
    FALLBACK_API_NAME_2: 'second',
    FALLBACK_API_URL_2: second.url,
    IDLE_TIMEOUT_SECONDS: '1',
    // Each test is on its own: what failed in one must not rest in the next.
    BREAKER_FAILURES: '1000',
    BREAKER_WINDOW_SECONDS: '0.01',
  }
  server = await startTestServer(settings, undefined, {
    ...silentTelemetry,
    providerSwitched: (event) => switches.push(event),
  })
})
afterAll(async () => {
  await server.close()
  await first[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
})

const dot = png(2, 2)
const down = { type: 'status', status: 503 } as const
const overloaded = fails(529, 'overloaded_error', 'Overloaded')

beforeEach(() => {
  server.anthropic.respond = () => overloaded
  for (const upstream of [first, second]) upstream.received.length = 0
  first.answer({ type: 'plain', body: completion('From the first.') })
  second.answer({ type: 'plain', body: completion('From the second.') })
  switches.length = 0
})

describe('when Claude is overloaded', () => {
  it('the first fallback answers, and everybody can see it', async () => {
    const { text, answer, headers } = await ask(server.client, { temperature: 0.3, seed: 7 })
    expect(text).toBe('From the first.')
    expect(headers.get('x-provider')).toBe('first')
    expect(headers.get('x-model-mapped')).toBe('sonnet -> first-model')
    expect(answer.model).toBe('scripted-model-2')
    expect(answer.claude).toBeUndefined()
    expect(headers.get('x-claude-session-id')).toBe(null)
    expect(switches).toEqual([
      {
        id: headers.get('x-request-id'),
        from: 'claude-code',
        to: 'first',
        code: 'overloaded',
      },
    ])
    expect(headers.get('x-attempts')).toBe('claude-code=overloaded, first=answered')
    const [request] = first.received
    expect(request?.headers.authorization).toBe('Bearer sk-first-secret')
    expect(request?.body).toMatchObject({ model: 'first-model', temperature: 0.3, seed: 7 })
    // What Claude would have ignored counts here.
    expect(headers.get('x-ignored-parameters')).toBe(null)
    expect(second.received).toEqual([])
  })

  it('the first fallback streams, chunk by chunk', async () => {
    first.answer({ type: 'stream', frames: textFrames('From ', 'the first.') })
    const { chunks, headers } = await askStream(server.client)
    expect(headers.get('x-provider')).toBe('first')
    const read = await readAll(chunks)
    expect(read).toMatchObject({ text: 'From the first.', error: undefined })
    expect(read.chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 27 } })
  })

  it.each([false, true])(
    'and the first is down, the second answers (stream: %s)',
    async (stream) => {
      first.answer(down)
      second.answer(
        stream
          ? { type: 'stream', frames: textFrames('From the second.') }
          : { type: 'plain', body: completion('From the second.') },
      )
      const { text, headers } = stream
        ? await askStream(server.client).then(async ({ chunks, headers }) => ({
            text: (await readAll(chunks)).text,
            headers,
          }))
        : await ask(server.client)
      expect(text).toBe('From the second.')
      expect(headers.get('x-provider')).toBe('second')
      expect(switches.map(({ from, to }) => `${from} -> ${to}`)).toEqual([
        'claude-code -> first',
        'first -> second',
      ])
      // No model and no key are configured for it: it gets the caller's model, and no Authorization at all.
      expect(second.received[0]).toMatchObject({
        path: '/v1/chat/completions',
        body: { model: 'sonnet' },
      })
      expect(second.received[0]?.headers).not.toHaveProperty('authorization')
    },
  )

  it("and all are down, the caller gets Claude's failure and the others' names", async () => {
    first.answer(down)
    second.answer({ type: 'reset' })
    const error = await failure(ask(server.client))
    expect(error).toMatchObject({ status: 503, code: 'overloaded' })
    expect(error.message).toMatch(/first: \w+, second: \w+/)
    expect(error.message).not.toContain('secret')
    expect(error.headers?.get('x-attempts')).toMatch(
      /^claude-code=overloaded, (?:first=upstream_error, )+second=upstream_error$/,
    )
    expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(0)
  })

  it('options that are a convenience are dropped, and named', async () => {
    const { text, headers } = await ask(server.client, {
      claude_options: { debug: true, output_format: 'json', append_system_prompt: 'Be kind.' },
    })
    expect(text).toBe('From the first.')
    expect(headers.get('x-dropped-options')).toBe('debug, output_format')
    const body = first.received[0]?.body ?? {}
    expect(body).not.toHaveProperty('claude_options')
    expect(JSON.stringify(body['messages'])).toContain('Be kind.')
  })

  it('files and pictures go along inline', async () => {
    await writeFile(join(server.workspace, 'notes.txt'), 'The code word is heron.')
    await writeFile(join(server.workspace, 'dot.png'), dot)
    const { text } = await ask(server.client, {
      claude_options: {
        working_dir: server.workspace,
        files: ['notes.txt'],
        images: ['dot.png'],
      },
    })
    expect(text).toBe('From the first.')
    const sent = JSON.stringify(first.received[0]?.body['messages'])
    expect(sent).toContain('The code word is heron.')
    expect(sent).toContain('notes.txt')
    expect(sent).toContain(`data:image/png;base64,${dot.toString('base64')}`)
  })

  it.each<[string, Asking]>([
    ['tools', { claude_options: { tools: ['Read'] } }],
    ['auto_allow_permissions', { claude_options: { auto_allow_permissions: true } }],
    ['continue', { claude_options: { continue: true } }],
    ['tools, working_dir', { claude_options: { tools: ['Read'], working_dir: '.' } }],
  ])('what needs %s is refused with the reason instead', async (names, request) => {
    const error = await failure(ask(server.client, withFolder(request)))
    expect(error).toMatchObject({ status: 503, code: 'overloaded' })
    expect(error.message).toContain(`needs Claude Code itself (claude_options: ${names})`)
    expect(first.received).toEqual([])
  })

  it('what resumes a session is refused with the reason instead', async () => {
    server.anthropic.enqueue(says('Hello.'))
    const { answer } = await ask(server.client)
    const request: Asking = { claude_options: { session_id: answer.claude?.session_id } }
    const error = await failure(ask(server.client, request))
    expect(error).toMatchObject({ status: 503, code: 'overloaded' })
    expect(error.message).toContain('session_id')
    expect(first.received).toEqual([])
  })
})

describe('no fallback is asked', () => {
  it.each<[string, Record<string, unknown>, number]>([
    ['an unknown model', { model: 'no-such' }, 404],
    ['a wrong type', { temperature: 'hot' }, 400],
    ['a session that is not there', { claude_options: { session_id: 'x' } }, 404],
    ['a folder outside', { claude_options: { working_dir: '/' } }, 403],
    ['a file that is missing', { claude_options: { files: ['none.txt'] } }, 400],
  ])("after the caller's own mistake: %s", async (_name, request, status) => {
    expect(await failure(ask(server.client, request))).toMatchObject({ status })
    expect(first.received).toEqual([])
    expect(switches).toEqual([])
  })

  it('after a prompt that is too long', async () => {
    server.anthropic.respond = () =>
      fails(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum')
    const error = await failure(ask(server.client))
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded' })
    expect(first.received).toEqual([])
  })

  it('after the first word', async () => {
    server.anthropic.respond = () => stallsAfter('Half an ')
    const { chunks, headers } = await askStream(server.client)
    expect(headers.get('x-provider')).toBe('claude-code')
    expect(await readAll(chunks)).toMatchObject({
      text: 'Half an ',
      error: { code: 'idle_timeout' },
    })
    expect(first.received).toEqual([])
  })

  it('once Claude is well again', async () => {
    expect((await ask(server.client)).headers.get('x-provider')).toBe('first')
    server.anthropic.respond = () => says('At home.')
    const { text, headers } = await ask(server.client)
    expect(text).toBe('At home.')
    expect(headers.get('x-provider')).toBe('claude-code')
    expect(first.received).toHaveLength(1)
  })
})

/** The option `working_dir` of a table row, where it is meant to be the workspace. */
function withFolder(request: Asking): Asking {
  const options = { ...(request['claude_options'] as Record<string, unknown>) }
  if (options['working_dir'] === '.') options['working_dir'] = server.workspace
  return { ...request, claude_options: options }
}
