import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { says, serve, type TestServer } from '../http/server.ts'
import { hasOpenAIDocument, OpenAIDocument } from '../support/openai-document.ts'
import { eventsOf, expectOrder, type WireEvent } from './event-order.ts'

type Json = Record<string, unknown>

let server: TestServer
let text: string
beforeAll(async () => {
  server = await serve(() => says('Hel', 'lo'))
  const response = await server.fetch('/v1/responses', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ input: 'Hello', store: false, stream: true }),
  })
  text = await response.text()
})
afterAll(() => server.close())

/** Events with one mistake; each must be noticed by a check of this suite's. */
type Spoil = (events: WireEvent[]) => WireEvent[]

const without =
  (type: string): Spoil =>
  (events) =>
    events.filter((event) => event.type !== type)

/** Changes the first event of a type. */
const change =
  (type: string, spoil: (event: Json) => void): Spoil =>
  (events) => {
    const event = events.find((other) => other.type === type) ?? expect.fail()
    spoil(event)
    return events
  }

const renumbered: Spoil = (events) =>
  events.map((event, sequence_number) => ({ ...event, sequence_number }))

const responseOf = (event: Json): Json => event.response as Json
const outputOf = (event: Json): Json[] => responseOf(event).output as Json[]

const byOrder: Record<string, Spoil> = {
  'no created': (events) => renumbered(without('response.created')(events)),
  'no end': (events) => renumbered(without('response.completed')(events)),
  'a gap in the numbers': without('response.output_text.done'),
  'numbers from 1': (events) =>
    events.map((event) => ({ ...event, sequence_number: event.sequence_number + 1 })),
  'an item that was not announced': (events) =>
    renumbered(without('response.output_item.added')(events)),
  'an item that is not done': (events) => renumbered(without('response.output_item.done')(events)),
  'another id of an item': change('response.output_text.delta', (event) => {
    event.item_id = 'msg_other'
  }),
  'a lost delta': (events) => {
    const at = events.findIndex(({ type }) => type === 'response.output_text.delta')
    return renumbered(events.toSpliced(at, 1))
  },
  'another place of an item': change('response.output_text.delta', (event) => {
    event.output_index = 1
  }),
  'another id of the response': change('response.completed', (event) => {
    responseOf(event).id = 'resp_other'
  }),
  'an end without output': change('response.completed', (event) => {
    responseOf(event).output = []
  }),
  'an end with another text': change('response.completed', (event) => {
    for (const item of outputOf(event)) item.content = []
  }),
  'created twice': ([first, ...events]) =>
    renumbered([first ?? expect.fail(), first ?? expect.fail(), ...events]),
}

const bySchema: Record<string, Spoil> = {
  'no logprobs in a delta': change('response.output_text.delta', (event) => {
    delete event.logprobs
  }),
  'no annotations in a part': change('response.content_part.added', (event) => {
    delete (event.part as Json).annotations
  }),
  'no status of a message': change('response.output_item.done', (event) => {
    delete (event.item as Json).status
  }),
  'no tools in a response': change('response.created', (event) => {
    delete responseOf(event).tools
  }),
  'no incomplete_details': change('response.completed', (event) => {
    delete responseOf(event).incomplete_details
  }),
  'no metadata': change('response.completed', (event) => {
    delete responseOf(event).metadata
  }),
  'no cache_write_tokens': change('response.completed', (event) => {
    const usage = responseOf(event).usage as { input_tokens_details: Json }
    delete usage.input_tokens_details.cache_write_tokens
  }),
  'a status that is none': change('response.completed', (event) => {
    responseOf(event).status = 'done'
  }),
  'a time as text': change('response.completed', (event) => {
    responseOf(event).created_at = '2026-01-01'
  }),
  'an event that is none': change('response.output_text.done', (event) => {
    event.type = 'response.text.done'
  }),
}

const byFraming: Record<string, (text: string) => string> = {
  CRLF: (text) => text.replaceAll('\n', '\r\n'),
  'no event lines': (text) => text.replaceAll(/^event: .*\n/gm, ''),
  '[DONE] at the end': (text) => `${text}data: [DONE]\n\n`,
  'an event line that says another type': (text) =>
    text.replace('event: response.created', 'event: response.queued'),
  'no blank line at the end': (text) => text.trimEnd(),
}

it('the stream without a mistake passes', () => {
  expectOrder(eventsOf(text))
})

describe('a mistake is noticed', () => {
  it.each(Object.entries(byOrder))('by the rules of order: %s', (_name, spoil) => {
    expect(() => expectOrder(spoil(eventsOf(text)))).toThrow()
  })

  it.each(Object.entries(byFraming))('by the framing: %s', (_name, spoil) => {
    expect(() => eventsOf(spoil(text))).toThrow()
  })

  it.runIf(hasOpenAIDocument)('by the document of OpenAI', () => {
    const document = new OpenAIDocument()
    const missed = Object.entries(bySchema).filter(([, spoil]) =>
      spoil(eventsOf(text)).every(
        (event) => document.problems('ResponseStreamEvent', event).length === 0,
      ),
    )
    expect(missed.map(([name]) => name)).toEqual([])
  })
})
