import { describe, expect, it } from 'vitest'
import { anthropicMessages } from '../../src/dialects/anthropic-messages/anthropic.ts'
import type { EncodeContext } from '../../src/dialects/dialect.ts'
import { writeFrame } from '../../src/dialects/sse.ts'
import { errorTable, type ErrorCode, TurnError } from '../../src/turn/error.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { collect } from '../../src/turn/result.ts'
import { problemsOfError, problemsOfMessage, problemsOfStream } from './checker.ts'

const usage = {
  inputTokens: 3,
  cacheReadTokens: 20,
  cacheCreationTokens: 100,
  outputTokens: 7,
  reasoningTokens: 2,
}
const start: TurnEvent = {
  type: 'start',
  id: 'msg_1',
  provider: 'p',
  model: 'claude-test',
  usage: { ...usage, outputTokens: 1, reasoningTokens: 0 },
}
const claude = { sessionId: 's', costUsd: 0.01, durationMs: 42, turns: 1 }
const finish: TurnEvent = { type: 'finish', reason: 'stop', model: 'claude-test', usage, claude }

const thought: TurnEvent[] = [
  { type: 'reasoning-start', block: 0 },
  { type: 'reasoning-delta', block: 0, text: 'hm' },
  { type: 'reasoning-end', block: 0, signature: 'c2lnbmVk' },
]
const words: TurnEvent[] = [
  { type: 'text-start', block: 1 },
  { type: 'text-delta', block: 1, text: 'Let me ' },
  { type: 'text-delta', block: 1, text: 'see.' },
  { type: 'text-end', block: 1 },
]
const calls: TurnEvent[] = [
  { type: 'tool-call-start', block: 2, id: 'a', name: 'f', kind: 'function' },
  { type: 'tool-call-delta', block: 2, input: '{"x"' },
  { type: 'tool-call-delta', block: 2, input: ':1}' },
  { type: 'tool-call-end', block: 2 },
  { type: 'tool-call-start', block: 3, id: 'b', name: 'g', kind: 'function' },
  { type: 'tool-call-delta', block: 3, input: '{}' },
  { type: 'tool-call-end', block: 3 },
  { type: 'sealed-reasoning', block: 4, data: 'c2VhbGVk' },
]
const everything: TurnEvent[] = [
  start,
  ...thought,
  ...words,
  ...calls,
  { ...finish, reason: 'tool-calls' },
]

const adaptive = { thinking: { type: 'adaptive' } }

function contextOf(body: Record<string, unknown>): EncodeContext {
  return { body, created: 0, id: 'x', now: () => 0, requestId: 'req_1' }
}

async function* from(events: readonly TurnEvent[]): AsyncGenerator<TurnEvent> {
  yield* events
}

async function* ofChoice(
  events: readonly TurnEvent[],
): AsyncGenerator<{ choice: number; event: TurnEvent }> {
  for (const event of events) yield { choice: 0, event }
}

async function streamed(
  events: readonly TurnEvent[],
  body: Record<string, unknown> = adaptive,
): Promise<string> {
  let text = ''
  const stream = anthropicMessages.openStream(contextOf(body))
  for await (const frame of stream.frames(ofChoice(events))) text += writeFrame(frame)
  return text
}

async function whole(
  events: readonly TurnEvent[],
  body: Record<string, unknown> = adaptive,
): Promise<Record<string, unknown>> {
  return anthropicMessages.encodeResult([await collect(from(events))], contextOf(body))
}

/** The content of an answer that begins with thinking. */
async function shown(body: Record<string, unknown>): Promise<unknown> {
  const { content } = await whole([start, ...thought, ...words, finish], body)
  return content
}

const bare = { session_id: 's', cost_usd: 0.01, duration_ms: 42, turns: 1 }

describe('a whole answer', () => {
  it('has every block in the model’s order', async () => {
    const answer = await whole(everything)
    expect(problemsOfMessage(answer)).toEqual([])
    expect(answer).toMatchObject({
      id: 'msg_1',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'c2lnbmVk' },
        { type: 'text', text: 'Let me see.' },
        { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
        { type: 'tool_use', id: 'b', name: 'g', input: {} },
        { type: 'redacted_thinking', data: 'c2VhbGVk' },
      ],
      stop_reason: 'tool_use',
      usage: {
        input_tokens: 3,
        cache_creation_input_tokens: 100,
        cache_read_input_tokens: 20,
        output_tokens: 7,
      },
      claude: bare,
    })
  })

  it.each<[Partial<Extract<TurnEvent, { type: 'finish' }>>, string, string | null]>([
    [{ reason: 'stop' }, 'end_turn', null],
    [{ reason: 'length' }, 'max_tokens', null],
    [{ reason: 'content-filter' }, 'refusal', null],
    [{ reason: 'stop', stopSequence: 'END' }, 'stop_sequence', 'END'],
  ])('says why it ended: %o', async (more, reason, sequence) => {
    const answer = await whole([start, ...words, { ...finish, ...more }])
    expect(problemsOfMessage(answer)).toEqual([])
    expect(answer).toMatchObject({ stop_reason: reason, stop_sequence: sequence })
    const text = await streamed([start, ...words, { ...finish, ...more }])
    expect(problemsOfStream(text)).toEqual([])
  })

  it('shows thinking only to those who asked for it', async () => {
    expect(await shown({})).toMatchObject([{ type: 'text' }])
    expect(await shown({ thinking: { type: 'disabled' } })).toMatchObject([{ type: 'text' }])
    const sealed = { thinking: { type: 'adaptive', display: 'omitted' } }
    expect(await shown(sealed)).toMatchObject([
      { type: 'thinking', thinking: '', signature: 'c2lnbmVk' },
      { type: 'text' },
    ])
  })

  it('leaves out a call that a limit has cut off', async () => {
    const cut: TurnEvent[] = [
      { type: 'tool-call-start', block: 0, id: 'a', name: 'f', kind: 'function' },
      { type: 'tool-call-delta', block: 0, input: '{"x"' },
      { type: 'tool-call-end', block: 0 },
    ]
    const answer = await whole([start, ...cut, { ...finish, reason: 'length' }])
    expect(problemsOfMessage(answer)).toEqual([])
    expect(answer).toMatchObject({ content: [], stop_reason: 'max_tokens' })
  })
})

describe('a stream', () => {
  it('is the API’s, event for event', async () => {
    const text = await streamed(everything)
    expect(problemsOfStream(text)).toEqual([])
    expect(text).toMatchInlineSnapshot(`
      "event: message_start
      data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-test","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,"diagnostics":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":100,"cache_read_input_tokens":20,"output_tokens":1,"output_tokens_details":{"thinking_tokens":0},"server_tool_use":null,"cache_creation":null,"inference_geo":null,"service_tier":null,"speed":null}}}

      event: content_block_start
      data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

      event: content_block_delta
      data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

      event: content_block_delta
      data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2lnbmVk"}}

      event: content_block_stop
      data: {"type":"content_block_stop","index":0}

      event: content_block_start
      data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

      event: content_block_delta
      data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Let me "}}

      event: content_block_delta
      data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"see."}}

      event: content_block_stop
      data: {"type":"content_block_stop","index":1}

      event: content_block_start
      data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"a","name":"f","input":{},"caller":{"type":"direct"}}}

      event: content_block_delta
      data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"x\\""}}

      event: content_block_delta
      data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":":1}"}}

      event: content_block_stop
      data: {"type":"content_block_stop","index":2}

      event: content_block_start
      data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"b","name":"g","input":{},"caller":{"type":"direct"}}}

      event: content_block_delta
      data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{}"}}

      event: content_block_stop
      data: {"type":"content_block_stop","index":3}

      event: content_block_start
      data: {"type":"content_block_start","index":4,"content_block":{"type":"redacted_thinking","data":"c2VhbGVk"}}

      event: content_block_stop
      data: {"type":"content_block_stop","index":4}

      event: message_delta
      data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"container":null},"usage":{"input_tokens":3,"cache_creation_input_tokens":100,"cache_read_input_tokens":20,"output_tokens":7,"output_tokens_details":{"thinking_tokens":2},"server_tool_use":null},"claude":{"session_id":"s","cost_usd":0.01,"duration_ms":42,"turns":1}}

      event: message_stop
      data: {"type":"message_stop"}

      "
    `)
  })

  it('shows thinking only to those who asked for it, and numbers what it shows', async () => {
    const events = [start, ...thought, ...words, finish]
    const hidden = await streamed(events, {})
    expect(problemsOfStream(hidden)).toEqual([])
    expect(hidden).not.toContain('thinking"')
    expect(hidden).toContain('"index":0,"content_block":{"type":"text"')
    const sealed = await streamed(events, { thinking: { type: 'adaptive', display: 'omitted' } })
    expect(problemsOfStream(sealed)).toEqual([])
    expect(sealed).not.toContain('hm')
    expect(sealed).toContain('"signature_delta","signature":"c2lnbmVk"')
  })

  it('begins with nothing counted where nothing has been told yet', async () => {
    const text = await streamed([{ ...start, usage: undefined }, ...words, finish])
    expect(problemsOfStream(text)).toEqual([])
    expect(text).toContain('"usage":{"input_tokens":0,')
  })

  it('opens no block for what says nothing', async () => {
    const text = await streamed([
      start,
      { type: 'text-start', block: 0 },
      { type: 'text-end', block: 0 },
      finish,
    ])
    expect(problemsOfStream(text)).toEqual([])
    expect(text).not.toContain('content_block')
  })

  it('shows what ran here in pings', async () => {
    const activity: TurnEvent = {
      type: 'activity',
      activity: { type: 'tool-use', id: 't', name: 'Read', input: {} },
    }
    const text = await streamed([start, activity, ...words, finish])
    expect(problemsOfStream(text)).toEqual([])
    expect(text).toContain('{"type":"ping","claude":{"activity":{"type":"tool_use"')
  })

  it('ends in an error that names the request', () => {
    const stream = anthropicMessages.openStream(contextOf({}))
    const text = stream.failure(new TurnError('overloaded', 'Too much.')).map(writeFrame).join('')
    expect(problemsOfStream(text)).toEqual([])
    expect(text).toBe(
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Too much.","code":"overloaded"},"request_id":"req_1"}\n\n',
    )
  })
})

describe('an error', () => {
  it.each(Object.keys(errorTable))('of code %s has the API’s shape', (code) => {
    const error = new TurnError(code as ErrorCode, 'Words.', { param: 'messages' })
    expect(problemsOfError(anthropicMessages.encodeError(error, 'req_1'))).toEqual([])
  })

  it('says that a prompt is too long in the words that Claude Code looks for', () => {
    const error = new TurnError('context_length_exceeded', 'The conversation is too long.')
    expect(anthropicMessages.encodeError(error)).toMatchObject({
      error: { message: 'prompt is too long: The conversation is too long.' },
    })
  })
})

type Change = (text: string) => string

function swap(from: string | RegExp, to: string): Change {
  return (text) => text.replace(from, to)
}

function frames(change: (frames: string[]) => string[]): Change {
  return (text) =>
    change(text.split('\n\n').slice(0, -1))
      .map((frame) => `${frame}\n\n`)
      .join('')
}

describe('the checker finds', () => {
  it.each<[string, Change]>([
    ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
    ['[DONE]', (text) => `${text}data: [DONE]\n\n`],
    ['no event line', swap('event: message_start\n', '')],
    ['another event than the type', swap('event: message_delta', 'event: message_stop')],
    ['a frame that is not closed', (text) => text.slice(0, -1)],
    ['no message_start', frames((all) => all.slice(1))],
    ['two of message_start', frames((all) => [all[0] ?? '', ...all])],
    [
      'no message_delta',
      frames((all) => all.filter((frame) => !frame.includes('event: message_delta'))),
    ],
    ['no message_stop', frames((all) => all.slice(0, -1))],
    ['something after the end', frames((all) => [...all, all.at(-1) ?? ''])],
    [
      'a block that is not closed',
      frames((all) => all.filter((frame) => !frame.includes('content_block_stop","index":1'))),
    ],
    ['a delta outside of a block', frames((all) => [...all.slice(0, 1), ...all.slice(2)])],
    ['a wrong index', swap('"content_block_start","index":1', '"content_block_start","index":2')],
    [
      'a delta of another block',
      swap('"content_block_delta","index":1', '"content_block_delta","index":0'),
    ],
    ['a delta of another kind', swap('"text_delta","text"', '"thinking_delta","thinking"')],
    [
      'thinking after its signature',
      frames((all) => [...all.slice(0, 2), all[3] ?? '', all[2] ?? '', ...all.slice(4)]),
    ],
    ['an input that is not JSON', swap(':1}"', ':1"')],
    ['a text at the start of a block', swap('"type":"text","text":""', '"type":"text","text":"x"')],
    ['an unknown stop reason', swap('"stop_reason":"tool_use"', '"stop_reason":"stop"')],
    ['calls with end_turn', swap('"stop_reason":"tool_use"', '"stop_reason":"end_turn"')],
    [
      'a sequence without its reason',
      swap(
        '"stop_reason":"tool_use","stop_sequence":null',
        '"stop_reason":"tool_use","stop_sequence":"x"',
      ),
    ],
    ['no usage', swap(/"usage":\{"input_tokens":3.*?\},"server_tool_use":null\}/, '"usage":null')],
    ['OpenAI’s words for usage', swap('"input_tokens":3', '"prompt_tokens":3')],
    ['an id of another kind', swap('"id":"msg_1"', '"id":"chatcmpl-1"')],
    ['two calls of one id', swap('"id":"b"', '"id":"a"')],
    ['an unknown field', swap('"role":"assistant"', '"role":"assistant","object":"message"')],
  ])('%s', async (_, change) => {
    const text = await streamed(everything)
    const changed = change(text)
    expect(changed).not.toBe(text)
    expect(problemsOfStream(changed)).not.toEqual([])
  })

  it.each<[string, Record<string, unknown>]>([
    ['OpenAI’s reason', { stop_reason: 'stop' }],
    ['a missing role', { role: undefined }],
    ['content that is a text', { content: 'Hello' }],
    ['a call without the reason for it', { stop_reason: 'end_turn' }],
    ['no usage', { usage: undefined }],
  ])('%s in a whole answer', async (_, change) => {
    expect(problemsOfMessage({ ...(await whole(everything)), ...change })).not.toEqual([])
  })

  it('OpenAI’s error', () => {
    expect(
      problemsOfError({ error: { message: 'x', type: 'y', param: null, code: 'z' } }),
    ).not.toEqual([])
  })
})
