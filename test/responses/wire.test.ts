import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { TurnError } from '../../src/turn/error.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { createSeal } from '../../src/lib/seal.ts'
import { deferred } from '../../src/lib/deferred.ts'
import { all, says } from '../http/server.ts'
import { oneServer } from '../http/one-server.ts'
import { hasOpenAIDocument, OpenAIDocument } from '../support/openai-document.ts'
import { begin, call, command, done, each, search, text, thinking } from '../wire/turn-events.ts'
import { eventsOf, expectOrder, type WireEvent } from './event-order.ts'

const { start, running } = oneServer()

const patchText = JSON.stringify({ type: 'update_file', path: 'a', diff: '@@\n-a\n+b' })

const weather = {
  type: 'function',
  name: 'get_weather',
  parameters: { type: 'object', properties: {} },
}
const note = { type: 'custom', name: 'note' }
const inSpace = { type: 'namespace', name: 'sky', description: 'Sky', tools: [weather] }
const request = { model: 'sonnet', input: 'Hello', store: false }

const seal = createSeal(undefined)

const answers: Record<string, { events: TurnEvent[]; body?: object }> = {
  'a plain text': { events: [begin, ...text(0, 'Hel', 'lo'), done()] },
  'an empty text': { events: [begin, ...text(0), done()] },
  'thinking without a summary': {
    events: [begin, ...thinking(0, 'So'), ...text(1, 'Hello'), done()],
  },
  'thinking with a summary': {
    events: [begin, ...thinking(0, 'So', ' so'), ...text(1, 'Hello'), done()],
    body: { reasoning: { effort: 'high', summary: 'auto' } },
  },
  'thinking that is sealed': {
    events: [begin, ...thinking(0, 'So', ' so'), ...text(1, 'Hello'), done()],
    body: { include: ['reasoning.encrypted_content'] },
  },
  'words and two calls': {
    events: [
      begin,
      ...text(0, 'Let me look.'),
      ...call(1, 'get_weather', 'function', '{"city":', '"Rome"}'),
      ...call(2, 'get_weather', 'function', '{}'),
      done('tool-calls'),
    ],
    body: { tools: [weather], tool_choice: 'auto', parallel_tool_calls: true },
  },
  'a call of a custom tool': {
    events: [begin, ...call(0, 'note', 'custom', 'free ', 'text'), done('tool-calls')],
    body: { tools: [note] },
  },
  'a call into a namespace': {
    events: [begin, ...call(0, 'sky__get_weather', 'function', '{}'), done('tool-calls')],
    body: { tools: [inSpace] },
  },
  'calls of a shell and a patch': {
    events: [
      begin,
      ...call(0, 'shell', 'function', '{"commands":["ls",', '"pwd"],"timeout_ms":5}'),
      ...call(1, 'apply_patch', 'function', patchText),
      ...call(2, 'apply_patch', 'function', '{"type":"delete_file","path":"b","diff":""}'),
      done('tool-calls'),
    ],
    body: { tools: [{ type: 'shell' }, { type: 'apply_patch' }] },
  },
  'a command that has run here': {
    events: [
      begin,
      ...thinking(0, 'So'),
      ...text(1, 'Let me see.'),
      ...command,
      ...thinking(2, 'No'),
      ...text(3, 'Done.'),
      done(),
    ],
    body: { tools: [{ type: 'shell', environment: { type: 'container_auto' } }] },
  },
  'a search of Claude Code': {
    events: [begin, ...search, ...text(0, 'Sun.'), done()],
    body: { tools: [{ type: 'web_search' }] },
  },
  'an answer that was cut': { events: [begin, ...text(0, 'Hel'), done('length')] },
  'an answer that was refused': { events: [begin, ...text(0, 'No.'), done('content-filter')] },
}

async function post(body: object): Promise<Response> {
  const { url } = running()
  return fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function streamed(body: object): Promise<WireEvent[]> {
  return eventsOf(await (await post({ ...request, stream: true, ...body })).text())
}

describe.each(Object.entries(answers))('%s', (_name, { events, body = {} }) => {
  it('streams by the rules, and ends with what the whole answer is', async () => {
    await start(() => each(events), { seal })
    const stream = await streamed(body)
    expectOrder(stream)
    const whole = (await (await post({ ...request, ...body })).json()) as Record<string, unknown>
    const last = stream.at(-1)?.response as Record<string, unknown>
    const same = { id: '', created_at: 0, completed_at: 0 }
    expect(withoutIds({ ...last, ...same })).toEqual(withoutIds({ ...whole, ...same }))
  })

  it.runIf(hasOpenAIDocument)('obeys the document of OpenAI', async () => {
    await start(() => each(events), { seal })
    const problems = []
    for (const event of await streamed(body)) {
      const found = document.problems('ResponseStreamEvent', event)
      if (found.length > 0) problems.push([event.type, ...found])
    }
    const whole: unknown = await (await post({ ...request, ...body })).json()
    problems.push(...document.problems('Response', whole))
    expect(problems).toEqual([])
  })
})

const document = hasOpenAIDocument ? new OpenAIDocument() : (undefined as unknown as OpenAIDocument)

/** Ids of items have the id of their response in them. */
function withoutIds(response: Record<string, unknown>): unknown {
  const text = JSON.stringify(response)
    .replaceAll(/"(msg|rs|fc|ctc|ws|sh|sho|apc)_[\da-f]{32}/g, '"$1_')
    .replaceAll(/"sealed1[^"]+"/g, '"sealed"')
  return JSON.parse(text)
}

describe('a whole answer', () => {
  it('is what the official client expects', async () => {
    const { client } = await start(() => says('Hel', 'lo'))
    const response = await client.responses.create({
      model: 'sonnet',
      input: 'Hello',
      store: false,
      metadata: { a: 'b' },
      instructions: 'Be brief.',
    })
    expect(response.output_text).toBe('Hello')
    expect(response).toMatchObject({
      id: expect.stringMatching(/^resp_[\da-f]{32}$/),
      object: 'response',
      status: 'completed',
      model: 'claude-test',
      instructions: 'Be brief.',
      metadata: { a: 'b' },
      store: false,
      usage: {
        input_tokens: 123,
        input_tokens_details: { cached_tokens: 20, cache_write_tokens: 100 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 130,
      },
      claude: { session_id: 'session-1', cost_usd: 0.0123 },
    })
  })
})

const sealedItem = (encrypted_content: string) => [
  { type: 'reasoning' as const, id: 'rs_1', summary: [], encrypted_content },
  { role: 'user' as const, content: 'Hello' },
]

const thoughtful = (): AsyncIterable<TurnEvent> =>
  each([
    begin,
    { type: 'reasoning-start', block: 0 },
    { type: 'reasoning-delta', block: 0, text: 'A secret thought' },
    { type: 'reasoning-end', block: 0, signature: 'sig' },
    ...text(1, 'Hello'),
    done(),
  ])

describe('sealed thinking', () => {
  const include = ['reasoning.encrypted_content' as const]
  const asking = { ...request, include }

  it('is given where it is asked for, whole and streamed, and taken back', async () => {
    const seal = await createSeal(undefined)
    const { client, backend } = await start(thoughtful, { seal: Promise.resolve(seal) })
    const whole = await client.responses.create(asking)
    const stream = client.responses.stream(asking)
    for (const response of [whole, await stream.finalResponse()]) {
      const [item] = response.output
      const sealed = item?.type === 'reasoning' ? item.encrypted_content : undefined
      const opened = seal.open(sealed ?? expect.fail())
      expect(opened).toMatchObject({ type: 'opened' })
      if (opened.type !== 'opened') continue
      expect(JSON.parse(opened.text)).toEqual([
        { type: 'reasoning', text: 'A secret thought', signature: 'sig' },
      ])
    }
    const input = [...(whole.output as []), { role: 'user' as const, content: 'And?' }]
    await client.responses.create({ ...asking, input })
    expect(backend.runs.at(-1)?.turn.messages[0]).toEqual({
      role: 'assistant',
      content: [
        { type: 'reasoning', text: 'A secret thought', signature: 'sig' },
        { type: 'text', text: 'Hello' },
      ],
    })
    const alone = [...(whole.output.slice(0, 1) as []), { role: 'user' as const, content: 'And?' }]
    await client.responses.create({ ...asking, input: alone })
    expect(backend.runs.at(-1)?.turn.messages.map(({ role }) => role)).toEqual(['user'])
    const [unasked] = (await client.responses.create(request)).output
    expect(unasked).not.toHaveProperty('encrypted_content')
  })

  it('must be as it came; that of another key is left out, and it is said', async () => {
    const seal = createSeal('one')
    const { client } = await start(thoughtful, { seal })
    const wrong = client.responses.create({ ...request, input: sealedItem('gAAAAAB') })
    await expect(wrong).rejects.toMatchObject({
      status: 400,
      code: 'invalid_value',
      param: 'input[0].encrypted_content',
    })
    const other = (await createSeal('other')).close('[]')
    const { response } = await client.responses
      .create({ ...request, input: sealedItem(other) })
      .withResponse()
    expect(response.headers.get('x-notice')).toContain('input[0].encrypted_content was sealed by')
  })
})

describe('a failure', () => {
  it('before the answer is an HTTP error, also of a stream', async () => {
    const { client } = await start(() => fails([], 'overloaded'))
    for (const stream of [false, true]) {
      const failure = await client.responses.create({ ...request, stream }).catch((error) => error)
      expect(failure).toBeInstanceOf(OpenAI.InternalServerError)
      expect(failure).toMatchObject({ status: 503, code: 'overloaded' })
    }
  })

  it('inside a stream is told in both forms, and ends as failed', async () => {
    const { client } = await start(() =>
      fails([begin, { type: 'text-start', block: 0 }, { type: 'text-delta', block: 0, text: 'H' }]),
    )
    const events = await streamed({})
    expectOrder(events)
    expect(events.at(-2)).toMatchObject({
      type: 'error',
      code: 'rate_limit_exceeded',
      message: 'It failed.',
      param: null,
      error: { type: 'rate_limit_error', code: 'rate_limit_exceeded', message: 'It failed.' },
    })
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: {
        status: 'failed',
        error: { code: 'rate_limit_exceeded', message: 'It failed.' },
        output: [{ status: 'incomplete', content: [{ text: 'H' }] }],
      },
    })
    if (hasOpenAIDocument) {
      expect(events.flatMap((event) => document.problems('ResponseStreamEvent', event))).toEqual([])
    }
    const reading = all(await client.responses.create({ ...request, stream: true }))
    await expect(reading).rejects.toMatchObject({ code: 'rate_limit_exceeded' })
  })

  it('names the field that a tool of Claude Code stands for', async () => {
    const param = 'claude_options.tools[1]'
    const { client } = await start(async function* () {
      yield* []
      throw new TurnError('forbidden', `${param}: Bash is not allowed.`, { param })
    })
    const claude_options = { tools: ['Read'] }
    const tools = [{ type: 'shell' as const, environment: { type: 'container_auto' as const } }]
    const body = { ...request, tools, claude_options }
    const asking = client.responses.create(body)
    await expect(asking).rejects.toMatchObject({
      status: 403,
      param: 'tools[0]',
      message: expect.stringContaining('tools[0]: Bash is not allowed.'),
    })
  })

  it('names the field of the request', async () => {
    const { client } = await start(() => says('never'))
    const asking = client.responses.create({ ...request, input: 7 as unknown as string })
    await expect(asking).rejects.toMatchObject({ status: 400, param: 'input' })
  })
})

async function* fails(
  events: readonly TurnEvent[],
  code: 'overloaded' | 'rate_limit_exceeded' = 'rate_limit_exceeded',
): AsyncGenerator<TurnEvent> {
  yield* events
  throw new TurnError(code, 'It failed.')
}

describe('a silence', () => {
  it('is bridged with events, from before the first output on', async () => {
    const told = deferred<void>()
    await start(
      async function* () {
        await told.promise
        yield* [begin, ...text(0, 'Hello'), done()]
      },
      { heartbeatMs: 5 },
    )
    const response = await post({ ...request, stream: true })
    const reader = (response.body ?? expect.fail()).getReader()
    let read = ''
    while (read.split('event: response.in_progress').length < 4) {
      const { value } = await reader.read()
      read += Buffer.from(value ?? expect.fail()).toString()
    }
    told.resolve()
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      read += Buffer.from(value).toString()
    }
    expectOrder(eventsOf(read))
  })
})

describe('what is asked and not there', () => {
  it('is disclosed', async () => {
    await start(() => says('Hello'))
    const response = await post({
      ...request,
      temperature: 0.3,
      text: { verbosity: 'low' },
      include: ['file_search_call.results'],
      tools: [{ type: 'web_search', external_web_access: false }],
    })
    expect(response.status).toBe(200)
    const ignored = response.headers.get('x-ignored-parameters')?.split(', ').sort()
    expect(ignored).toEqual(['include', 'temperature', 'text.verbosity', 'tools.web_search'])
  })
})
