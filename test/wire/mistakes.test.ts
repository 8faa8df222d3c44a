import { beforeAll, describe, expect, it } from 'vitest'
import { openaiChat } from '../../src/dialects/openai-chat/chat.ts'
import { openaiCompletions } from '../../src/dialects/openai-completions/completions.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { collect } from '../../src/turn/result.ts'
import { hasOpenAIDocument, openAIDocument } from '../support/openai-document.ts'
import { problemsOfChat } from './chat-answer.ts'
import { problemsOfChatStream } from './chat-stream.ts'
import { problemsOfCompletion, problemsOfCompletionStream } from './completion-stream.ts'
import { contextOf, encodedStream } from './encoded.ts'
import { isObject, type Json, objectsOf } from './frames.ts'
import { begin, call, done, each, overload, text } from './turn-events.ts'

/** A stream with one mistake; each must be noticed by a check of this suite's. */
type Spoil = (stream: string) => string

/** Changes the frames, each without the blank line that closes it. */
function frames(change: (frames: string[]) => string[]): Spoil {
  return (stream) =>
    change(stream.split('\n\n').slice(0, -1))
      .map((frame) => `${frame}\n\n`)
      .join('')
}

/** Changes every chunk for which `spoil` has something to do; it is given the chunk, its only choice and that one's delta. */
function chunks(spoil: (chunk: Json, choice: Json, delta: Json, index: number) => void): Spoil {
  return frames((all) =>
    all.map((frame, index) => {
      if (!frame.startsWith('data: {')) return frame
      const chunk = JSON.parse(frame.slice('data: '.length)) as Json
      const choice = objectsOf(chunk.choices)[0] ?? {}
      spoil(chunk, choice, isObject(choice.delta) ? choice.delta : {}, index)
      return `data: ${JSON.stringify(chunk)}`
    }),
  )
}

function swap(from: string | RegExp, to: string): Spoil {
  return (stream) => stream.replace(from, to)
}

/** The first chunk whose text contains this, moved, repeated or left out. */
function where(part: string, change: (frame: string) => string[]): Spoil {
  return frames((all) => {
    const at = all.findIndex((frame) => frame.includes(part))
    return all.toSpliced(at, 1, ...change(all[at] ?? expect.fail(part)))
  })
}

const without = (part: string): Spoil => where(part, () => [])
const twice = (part: string): Spoil => where(part, (frame) => [frame, frame])

const finish = '"finish_reason":"tool_calls"'
const usageChunk = '"choices":[]'
const lastFrame = 'data: [DONE]'

const framing: Record<string, Spoil> = {
  CRLF: (stream) => stream.replaceAll('\n', '\r\n'),
  'no [DONE]': without(lastFrame),
  '[DONE] twice': twice(lastFrame),
  '[DONE] before the end': frames((all) => [lastFrame, ...all]),
  'an event line': (stream) => stream.replaceAll(/^data: /gm, 'event: chunk\ndata: '),
  'a frame that is not closed': (stream) => stream.slice(0, -1),
  'two frames in one': swap('\n\n', '\n'),
  'no space and no data': swap(/^data: /, ''),
  'a chunk that is cut': swap('}]}\n', '\n'),
  'a chunk that is no object': swap(/^data: .*/, 'data: "x"'),
}

const ofChat: Record<string, Spoil> = {
  'no finish chunk': without(finish),
  'the finish reason twice': twice(finish),
  'a finish reason in every chunk': chunks((_chunk, choice) => (choice.finish_reason ??= 'stop')),
  'words in the finish chunk': swap(
    `"delta":{},"logprobs":null,${finish}`,
    `"delta":{"content":"x"},"logprobs":null,${finish}`,
  ),
  'content after the finish reason': frames((all) => {
    const at = all.findIndex((frame) => frame.includes(finish))
    return all.toSpliced(at + 1, 0, all[1] ?? '')
  }),
  'stop where there are calls': swap(finish, '"finish_reason":"stop"'),
  'ids that change': chunks((chunk, _choice, _delta, index) => (chunk.id = `chatcmpl-${index}`)),
  'an id of another kind': chunks((chunk) => (chunk.id = 'msg_1')),
  'a time that changes': chunks((chunk, _choice, _delta, index) => (chunk.created = 1.7e9 + index)),
  'a time in milliseconds': chunks((chunk) => (chunk.created = 1.7e12)),
  'a time with a fraction': chunks((chunk) => (chunk.created = 1.7e9 + 0.5)),
  'a time as text': chunks((chunk) => (chunk.created = '1700000000')),
  'a model that changes': swap('"model":"claude-test"', '"model":"sonnet"'),
  'no model': chunks((chunk) => delete chunk.model),
  'the object of a whole answer': chunks((chunk) => (chunk.object = 'chat.completion')),
  'no role chunk': frames((all) => all.slice(1)),
  'the role in every chunk': chunks((_chunk, _choice, delta) => (delta.role = 'assistant')),
  'the role of somebody else': swap('"role":"assistant"', '"role":"user"'),
  'no refusal in the first chunk': swap(',"refusal":null', ''),
  'words in the first chunk': swap('"content":""', '"content":"Let"'),
  'no index of a choice': chunks((_chunk, choice) => delete choice.index),
  'a choice that nobody asked for': chunks((_chunk, choice) => (choice.index = 1)),
  'no logprobs': chunks((_chunk, choice) => delete choice.logprobs),
  'no finish_reason where it goes on': chunks((_chunk, choice) => {
    if (choice.finish_reason === null) delete choice.finish_reason
  }),
  'no delta': chunks((_chunk, choice) => delete choice.delta),
  'a message in place of the delta': chunks((_chunk, choice, delta) => (choice.message = delta)),
  'a text that is a list of parts': swap(
    '"content":"Let me "',
    '"content":[{"type":"text","text":"Let me "}]',
  ),
  'two choices in a chunk': chunks(
    (chunk) => (chunk.choices = [...objectsOf(chunk.choices), ...objectsOf(chunk.choices)]),
  ),
  'a usage chunk with choices': swap(
    usageChunk,
    '"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":null}]',
  ),
  'no usage chunk': without(usageChunk),
  'usage before the end': chunks(
    (chunk) => (chunk.usage ??= { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }),
  ),
  'no usage: null before the end': chunks((chunk) => {
    if (chunk.usage === null) delete chunk.usage
  }),
  'a total that is no sum': swap(/"total_tokens":\d+/, '"total_tokens":1'),
  'no index of a call': swap('{"index":0,"id":"toolu_1"', '{"id":"toolu_1"'),
  'the index of a content block': swap('{"index":1,"id":"toolu_2"', '{"index":2,"id":"toolu_2"'),
  'a call without an id': swap('"id":"toolu_1",', ''),
  'a call without a type': swap('"type":"function",', ''),
  'a call without a name': swap('"name":"get_weather",', ''),
  'the id in every delta of a call': swap(
    '{"index":0,"function":{"arguments"',
    '{"index":0,"id":"toolu_1","function":{"arguments"',
  ),
  'the name in every delta of a call': swap(
    '{"index":0,"function":{"arguments"',
    '{"index":0,"function":{"name":"get_weather","arguments"',
  ),
  'two calls of one id': swap('toolu_2', 'toolu_1'),
  'arguments as an object': swap('"arguments":"{}"', '"arguments":{}'),
  'arguments that are no JSON': swap('"arguments":"{}"', '"arguments":"{"'),
  'empty arguments': swap('"arguments":"{}"', '"arguments":""'),
  'an empty list of calls': swap('{"content":"look."}', '{"content":"look.","tool_calls":[]}'),
}

const ofErrors: Record<string, Spoil> = {
  'no code': swap(/,"code":"\w+"/, ''),
  'no param': swap(',"param":null', ''),
  'no type': swap(/"type":"\w+",/, ''),
  'an error that is a text': swap(/"error":\{.*\}\}/, '"error":"It failed."}'),
  'an error with [DONE] behind it': (stream) => `${stream}${lastFrame}\n\n`,
  'an error without its envelope': swap(/\{"error":(\{.*\})\}/, '$1'),
}

const ofCompletions: Record<string, Spoil> = {
  'no finish chunk': without('"finish_reason":"stop"'),
  'the finish reason twice': twice('"finish_reason":"stop"'),
  'words after the finish reason': frames(([first = '', second = '', ...rest]) => [
    second,
    first,
    ...rest,
  ]),
  'words in the finish chunk': chunks((_chunk, choice) => {
    if (choice.finish_reason === 'stop') choice.text = 'x'
  }),
  'the object of chat': chunks((chunk) => (chunk.object = 'chat.completion.chunk')),
  'ids that change': chunks((chunk, _choice, _delta, index) => (chunk.id = `cmpl-${index}`)),
  'a delta in place of the text': chunks((_chunk, choice) => {
    choice.delta = { content: choice.text }
    delete choice.text
  }),
  'no index': chunks((_chunk, choice) => delete choice.index),
  'no logprobs': chunks((_chunk, choice) => delete choice.logprobs),
  'a choice that never ends': chunks((_chunk, choice) => (choice.finish_reason = null)),
  'usage before the end': chunks((chunk) => (chunk.usage ??= {})),
  'a usage chunk with choices': chunks((chunk) => {
    if (objectsOf(chunk.choices).length === 0)
      chunk.choices = [{ text: '', index: 0, logprobs: null, finish_reason: null }]
  }),
}

const spoken: TurnEvent[] = [
  begin,
  ...text(0, 'Let me ', 'look.'),
  ...call(1, 'get_weather', 'function', '{"city":', '"Rome"}'),
  ...call(2, 'get_time', 'function', '{}'),
  done('tool-calls'),
]
const body = { stream_options: { include_usage: true } }
const asked = { usage: true }

const kinds: [
  string,
  Record<string, Spoil>,
  () => Promise<string>,
  (stream: string) => string[],
][] = [
  ['the framing', framing, chatStream, (stream) => problemsOfChatStream(stream, body)],
  ['chat', ofChat, chatStream, (stream) => problemsOfChatStream(stream, body)],
  [
    'an error in a stream',
    ofErrors,
    () => encodedStream(openaiChat, { events: spoken.slice(0, 3), error: overload }),
    (stream) => problemsOfChatStream(stream),
  ],
  [
    'completions',
    ofCompletions,
    () => encodedStream(openaiCompletions, { body, events: [begin, ...text(0, 'a'), done()] }),
    (stream) => problemsOfCompletionStream(stream, asked),
  ],
]

function chatStream(): Promise<string> {
  return encodedStream(openaiChat, { body, events: spoken })
}

describe.each(kinds)('a mistake of %s is noticed', (_kind, mistakes, record, problemsOf) => {
  let right: string
  beforeAll(async () => {
    right = await record()
  })

  it('and nothing is where there is none', () => {
    expect(problemsOf(right)).toEqual([])
  })

  it.each(Object.entries(mistakes))('%s', (_name, spoil) => {
    const wrong = spoil(right)
    expect(wrong).not.toBe(right)
    expect(problemsOf(wrong)).not.toEqual([])
  })
})

const ofWholes: Record<string, (body: Json, choice: Json, message: Json) => unknown> = {
  'no refusal': (_body, _choice, message) => delete message.refusal,
  'no logprobs': (_body, choice) => delete choice.logprobs,
  'no finish_reason': (_body, choice) => (choice.finish_reason = null),
  'stop where there are calls': (_body, choice) => (choice.finish_reason = 'stop'),
  'the object of a chunk': (body) => (body.object = 'chat.completion.chunk'),
  'a time in milliseconds': (body) => (body.created = 1.7e12),
  'no usage': (body) => delete body.usage,
  'no index': (_body, choice) => delete choice.index,
  'a choice too many': (body) => (body.choices = [...objectsOf(body.choices), {}]),
  'an empty list of calls': (_body, _choice, message) => (message.tool_calls = []),
  'arguments as an object': (_body, _choice, message) => {
    for (const { function: called } of objectsOf(message.tool_calls))
      if (isObject(called)) called.arguments = {}
  },
  'a delta in place of the message': (_body, choice, message) => {
    choice.delta = message
    delete choice.message
  },
}

describe('a mistake of a whole chat completion is noticed', () => {
  it.each(Object.entries(ofWholes))('%s', async (_name, spoil) => {
    const body = openaiChat.encodeResult([await collect(each(spoken))], contextOf({}))
    expect(problemsOfChat(body)).toEqual([])
    const choice = objectsOf(body.choices)[0] ?? expect.fail()
    spoil(body, choice, isObject(choice.message) ? choice.message : expect.fail())
    expect(problemsOfChat(body)).not.toEqual([])
  })
})

/** Mistakes that no rule of order is about. */
const byDocument: Record<string, [schema: string, value: Json]> = {
  'a reason that is none': ['CreateChatCompletionResponse', { finish_reason: 'end_turn' }],
  'a message without a role': ['CreateChatCompletionResponse', { message: { content: 'x' } }],
  'content in parts': ['CreateChatCompletionResponse', { message: { content: [] } }],
  'a delta with a strange role': ['CreateChatCompletionStreamResponse', { delta: { role: 'bot' } }],
  'a chunk with a strange reason': [
    'CreateChatCompletionStreamResponse',
    { delta: {}, finish_reason: 'end_turn' },
  ],
  'a completion without a text': ['CreateCompletionResponse', { text: null }],
  'a completion with a strange reason': ['CreateCompletionResponse', { finish_reason: 'end' }],
}

describe.runIf(hasOpenAIDocument)('a mistake is noticed by the document of OpenAI', () => {
  it.each(Object.entries(byDocument))('%s', (_name, [schema, wrong]) => {
    const message = { role: 'assistant', content: 'x', refusal: null }
    const right = { text: 'x', message, delta: {}, index: 0, logprobs: null, finish_reason: 'stop' }
    const object = schema.includes('Stream')
      ? 'chat.completion.chunk'
      : schema.includes('Chat')
        ? 'chat.completion'
        : 'text_completion'
    const answer = (choice: Json): Json => ({
      id: 'a',
      object,
      created: 1_700_000_000,
      model: 'm',
      choices: [choice],
    })
    expect(openAIDocument()?.problems(schema, answer(right))).toEqual([])
    expect(openAIDocument()?.problems(schema, answer({ ...right, ...wrong }))).not.toEqual([])
  })
})

describe('a choice that is missing is noticed', () => {
  it('in a chat and in completions', async () => {
    const one = await encodedStream(openaiChat, { body: { n: 2 }, events: [begin, done()] })
    expect(problemsOfChatStream(one, { n: 2 })).not.toEqual([])
    const events = [begin, ...text(0, 'a'), done()]
    const completion = await encodedStream(openaiCompletions, { events })
    expect(problemsOfCompletionStream(completion, { choices: 2 })).not.toEqual([])
    const whole = openaiCompletions.encodeResult([await collect(each(events))], contextOf({}))
    expect(problemsOfCompletion(whole)).toEqual([])
    expect(problemsOfCompletion(whole, 2)).not.toEqual([])
  })
})
