import { describe, expect, it } from 'vitest'
import { parseRequest, requestSchema } from './request.ts'

const messages = [
  { role: 'system', content: 'Be short.' },
  { role: 'user', content: 'Hello' },
]

/** Plain bodies are not given to the schema; each verdict must be as the schema's. */
describe('a plain request is taken as the schema takes it', () => {
  it.each<[string, unknown]>([
    ['messages alone', { messages }],
    ['a model and a stream', { model: 'm', messages, stream: true }],
    ['no stream', { model: 'm', messages, stream: false }],
    ['an empty model', { model: '', messages }],
    ['a model that is none', { model: 1, messages }],
    ['null for the model', { model: null, messages }],
    ['a stream in words', { messages, stream: 'true' }],
    ['null for the stream', { messages, stream: null }],
    ['no messages', { model: 'm' }],
    ['an empty list of messages', { messages: [] }],
    ['messages that are no list', { messages: {} }],
    ['an unknown role', { messages: [{ role: 'nobody', content: 'x' }] }],
    ['no content', { messages: [{ role: 'user' }] }],
    ['null for the content', { messages: [{ role: 'user', content: null }] }],
    ['an empty content', { messages: [{ role: 'user', content: '' }] }],
    ['a name that is none', { messages: [{ role: 'user', content: 'x', name: 1 }] }],
    ['a message that is a list', { messages: [['user', 'x']] }],
    ['another field that is right', { messages, temperature: 1 }],
    ['another field that is wrong', { messages, temperature: 'hot' }],
    ['a field that objects inherit', { messages, constructor: 1, toString: 'x' }],
    ['nothing', undefined],
    ['a list', [messages]],
  ])('%s', (_name, body) => {
    const parsed = requestSchema.safeParse(body)
    if (parsed.success) expect(parseRequest(body)).toEqual(parsed.data)
    else expect(() => parseRequest(body)).toThrow(/./)
  })
})
