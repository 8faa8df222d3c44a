import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import type { TurnEvent } from '../../turn/event.ts'
import { collect } from '../../turn/result.ts'
import type { ChoiceEvent, EncodeContext } from '../dialect.ts'
import { writeFrame } from '../sse.ts'
import { openaiCompletions } from './completions.ts'

const options = { strict: false, maxChoices: 8 }
const usage = {
  inputTokens: 3,
  cacheReadTokens: 20,
  cacheCreationTokens: 100,
  outputTokens: 7,
  reasoningTokens: 2,
}

function decode(body: Record<string, unknown>) {
  return openaiCompletions.decode({ model: 'sonnet', ...body }, options)
}

function refusal(body: Record<string, unknown>): { code: string; param: string | undefined } {
  try {
    decode(body)
  } catch (thrown) {
    if (thrown instanceof TurnError) return { code: thrown.code, param: thrown.param }
    throw thrown
  }
  throw new Error('It was not refused.')
}

function* says(id: string, ...texts: string[]): Generator<TurnEvent> {
  yield { type: 'start', id, provider: 'claude-code', model: 'claude-test' }
  yield { type: 'reasoning-start', block: 0 }
  yield { type: 'reasoning-delta', block: 0, text: 'Hm.' }
  yield { type: 'reasoning-end', block: 0 }
  yield { type: 'text-start', block: 1 }
  for (const text of texts) yield { type: 'text-delta', block: 1, text }
  yield { type: 'text-end', block: 1 }
  yield { type: 'finish', reason: 'length', model: 'claude-test', usage }
}

function* relays(...pieces: object[]): Generator<TurnEvent> {
  yield { type: 'start', id: 'chatcmpl-9', provider: 'vendor', model: 'vendor-model' }
  for (const piece of pieces) {
    const chunk = { object: 'chat.completion.chunk', choices: [{ index: 0, ...piece }] }
    yield { type: 'relay', dialect: 'openai-chat', chunks: [chunk], text: '' }
  }
  yield { type: 'finish', reason: 'stop', model: 'vendor-model', usage }
}

async function* of<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items
}

function contextOf(body: Record<string, unknown>): EncodeContext {
  return { body, created: 5, id: 'x', now: () => 5, requestId: 'r' }
}

async function encodeWhole(body: Record<string, unknown>, ...answers: Iterable<TurnEvent>[]) {
  const results = await Promise.all(answers.map((events) => collect(of(events))))
  return openaiCompletions.encodeResult(results, contextOf(body))
}

async function encodeStreamed(body: Record<string, unknown>, events: Iterable<ChoiceEvent>) {
  const frames: string[] = []
  for await (const frame of openaiCompletions.openStream(contextOf(body)).frames(of(events))) {
    frames.push(writeFrame(frame))
  }
  expect(frames.at(-1)).toBe('data: [DONE]\n\n')
  return frames.slice(0, -1).map((frame) => JSON.parse(frame.slice('data: '.length)) as unknown)
}

function choicesOf(...answers: Iterable<TurnEvent>[]): ChoiceEvent[] {
  return answers.flatMap((events, choice) => [...events].map((event) => ({ choice, event })))
}

describe('a request', () => {
  it('is a conversation of one message, which any upstream can be asked', () => {
    const body = {
      model: 'sonnet',
      prompt: 'Once',
      max_tokens: 9,
      stop: '\n',
      echo: true,
      top_k: 4,
    }
    const { turn, choices, stream, body: kept } = decode(body)
    expect(turn).toMatchObject({
      model: 'sonnet',
      instructions: [],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Once' }] }],
      limits: { maxOutputTokens: 9, stopSequences: ['\n'] },
    })
    expect(turn.source).toEqual({
      dialect: 'openai-chat',
      body: {
        model: 'sonnet',
        max_tokens: 9,
        stop: '\n',
        top_k: 4,
        messages: [{ role: 'user', content: 'Once' }],
      },
    })
    expect({ choices, stream }).toEqual({ choices: 1, stream: false })
    expect(kept).toEqual(body)
  })

  it('has n turns for each of its prompts, in order', () => {
    const { turns, choices } = decode({ prompt: ['A', 'B'], n: 2, best_of: 2 })
    expect(choices).toBe(4)
    expect(turns?.map(({ messages }) => messages[0]?.content)).toEqual(
      ['A', 'A', 'B', 'B'].map((text) => [{ type: 'text', text }]),
    )
  })

  it.each<[Record<string, unknown>, string, string]>([
    [{}, 'missing_required_parameter', 'prompt'],
    [{ prompt: '' }, 'invalid_value', 'prompt'],
    [{ prompt: [] }, 'invalid_value', 'prompt'],
    [{ prompt: 7 }, 'invalid_type', 'prompt'],
    [{ prompt: [1, 2] }, 'unsupported_parameter', 'prompt'],
    [{ prompt: [[1, 2], [3]] }, 'unsupported_parameter', 'prompt'],
    [{ prompt: ['a', ''] }, 'invalid_value', 'prompt[1]'],
    [{ prompt: 'a', suffix: 'b' }, 'unsupported_parameter', 'suffix'],
    [{ prompt: 'a', logprobs: 0 }, 'unsupported_parameter', 'logprobs'],
    [{ prompt: 'a', best_of: 3 }, 'unsupported_parameter', 'best_of'],
    [{ prompt: 'a', n: 9 }, 'invalid_value', 'n'],
    [{ prompt: ['a', 'b', 'c'], n: 3 }, 'invalid_value', 'prompt'],
    [{ prompt: 'a', messages: [] }, 'unsupported_parameter', 'messages'],
    [{ prompt: 'a', max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    [{ prompt: 'a', temperature: 'hot' }, 'invalid_type', 'temperature'],
  ])('%j is refused with %s at %s', (body, code, param) => {
    expect(refusal(body)).toEqual({ code, param })
  })

  it('takes what asks for nothing, and discloses what has no effect', () => {
    const nothing = { suffix: '', best_of: 1, logprobs: null, echo: false, temperature: 1 }
    expect(decode({ prompt: 'a', ...nothing }).notices).toEqual([])
    expect(decode({ prompt: ['a', 'b'], temperature: 0, top_k: 4 }).notices).toEqual([
      { type: 'ignored-parameter', name: 'temperature' },
      { type: 'ignored-parameter', name: 'top_k' },
    ])
  })
})

describe('an answer', () => {
  it('is a text completion', async () => {
    expect(await encodeWhole({ prompt: 'Once' }, says('1', ' upon', ' a'))).toEqual({
      id: 'cmpl-1',
      object: 'text_completion',
      created: 5,
      model: 'claude-test',
      choices: [{ text: ' upon a', index: 0, logprobs: null, finish_reason: 'length' }],
      usage: expect.objectContaining({ prompt_tokens: 123, completion_tokens: 7 }),
    })
  })

  it('begins with its prompt where echo is asked for', async () => {
    const body = { prompt: ['A', 'B'], n: 2, echo: true }
    const four = ['1', '2', '3', '4'].map((text) => says('1', text))
    expect(await encodeWhole(body, ...four)).toMatchObject({
      choices: ['A1', 'A2', 'B3', 'B4'].map((text, index) => ({ text, index })),
      usage: { completion_tokens: 28 },
    })
    const streamed = await encodeStreamed(body, choicesOf(says('1', '1', '1'), says('1', '2')))
    expect(streamed).toMatchObject([
      { choices: [{ text: 'A1', index: 0, finish_reason: null }] },
      { choices: [{ text: '1', index: 0, finish_reason: null }] },
      { choices: [{ text: '', index: 0, finish_reason: 'length' }] },
      { choices: [{ text: 'A2', index: 1, finish_reason: null }] },
      { choices: [{ text: '', index: 1, finish_reason: 'length' }] },
    ])
  })

  it('of a fallback is written as a text completion', async () => {
    const body = { prompt: 'Once', stream_options: { include_usage: true } }
    const pieces = [
      { delta: { role: 'assistant', content: '' } },
      { delta: { content: ' upon' } },
      { delta: { content: ' a' }, finish_reason: null },
      { delta: {}, finish_reason: 'stop' },
    ]
    const ended = { text: '', index: 0, logprobs: null, finish_reason: 'stop' }
    expect(await encodeWhole(body, relays(...pieces))).toMatchObject({
      id: 'cmpl-9',
      model: 'vendor-model',
      choices: [{ ...ended, text: ' upon a' }],
      usage: { prompt_tokens: 123, total_tokens: 130 },
    })
    const streamed = await encodeStreamed(body, choicesOf(relays(...pieces)))
    const frame = { id: 'cmpl-9', object: 'text_completion', created: 5, model: 'vendor-model' }
    expect(streamed).toEqual([
      ...[' upon', ' a'].map((text) => ({
        ...frame,
        choices: [{ ...ended, text, finish_reason: null }],
        usage: null,
      })),
      { ...frame, choices: [ended], usage: null },
      { ...frame, choices: [], usage: expect.objectContaining({ total_tokens: 130 }) },
    ])
  })

  it('of a fallback that came whole is streamed too', async () => {
    const body = { choices: [{ index: 0, message: { role: 'assistant', content: 'All.' } }] }
    const [start, , finish] = [...relays({})]
    if (!start || !finish) throw new Error('There are three events.')
    const events = [start, { type: 'relay', dialect: 'openai-chat', body } as const, finish]
    expect(await encodeStreamed({ prompt: 'x' }, choicesOf(events))).toMatchObject([
      { choices: [{ text: 'All.' }] },
      { choices: [{ text: '', finish_reason: 'stop' }] },
    ])
  })
})
