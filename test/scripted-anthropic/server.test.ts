import { beforeEach, describe, expect, it } from 'vitest'
import {
  callsTools,
  cutsAfter,
  drips,
  type ScriptedAnthropic,
  silent,
  stalls,
  stallsAfter,
  startScriptedAnthropic,
  stopsWith,
  streamError,
} from './server.ts'

let anthropic: ScriptedAnthropic

beforeEach(async () => {
  anthropic = await startScriptedAnthropic()
  return () => anthropic.close()
})

const message = { model: 'scripted', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] }

function post(body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${anthropic.url}/v1/messages?beta=true`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
}

describe('startScriptedAnthropic', () => {
  it('answers with one JSON message when the request does not stream', async () => {
    const response = await post(message)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({
      type: 'message',
      model: 'scripted',
      content: [{ type: 'text', text: 'Hello from the scripted model.' }],
      stop_reason: 'end_turn',
    })
  })

  it('ends the stream with an error event when streamError() scripts one', async () => {
    anthropic.enqueue(streamError('Half', 'overloaded_error', 'Overloaded'))
    const events = (await (await post({ ...message, stream: true })).text()).match(/^event: .*$/gm)
    expect(events?.slice(-2)).toEqual(['event: content_block_delta', 'event: error'])
  })

  it('breaks the stream when cutsAfter() says so', async () => {
    anthropic.enqueue(cutsAfter('Half'))
    const response = await post({ ...message, stream: true })
    await expect(response.text()).rejects.toThrow('terminated')
  })

  it('names the stop reason when stopsWith() gives one', async () => {
    anthropic.enqueue(stopsWith('max_tokens', 'As far as'))
    const text = await (await post({ ...message, stream: true })).text()
    expect(text).toContain('"stop_reason":"max_tokens"')
  })

  it('calls several tools in one message when callsTools() has several', async () => {
    anthropic.enqueue(
      callsTools([
        { id: 'toolu_1', name: 'First', input: { a: 1 } },
        { id: 'toolu_2', name: 'Second', input: {} },
      ]),
    )
    expect(await (await post(message)).json()).toMatchObject({
      stop_reason: 'tool_use',
      content: [
        { type: 'tool_use', id: 'toolu_1', name: 'First', input: { a: 1 } },
        { type: 'tool_use', id: 'toolu_2', name: 'Second', input: {} },
      ],
    })
  })

  it.each([
    ['stalls() after the headers', stalls(), /^$/],
    ['stallsAfter() after the words', stallsAfter('Half'), /"text":"Half"}}\n\n$/],
    ['drips() again and again', drips('Drop', 10), /(.*"text":"Drop".*\n[^]*){3}/],
  ])('goes on until the client leaves when it %s', async (_name, step, expected) => {
    anthropic.enqueue(step)
    const leaving = new AbortController()
    const response = await post({ ...message, stream: true }, leaving.signal)
    const [request] = anthropic.requests
    let received = ''
    const reading = (async () => {
      for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? [])
        received += piece
    })()
    await expect.poll(() => received).toMatch(expected)
    expect(request?.closedAt).toBeUndefined()
    leaving.abort()
    await expect(reading).rejects.toThrow('aborted')
    await expect.poll(() => request?.closedAt).toBeTypeOf('number')
  })

  it('notes when the client left a silent server', async () => {
    anthropic.enqueue(silent())
    const leaving = new AbortController()
    const answer = post(message, leaving.signal)
    await expect.poll(() => anthropic.requests).toHaveLength(1)
    expect(anthropic.requests[0]?.closedAt).toBeUndefined()
    leaving.abort()
    await expect(answer).rejects.toThrow('aborted')
    await expect.poll(() => anthropic.requests[0]?.closedAt).toBeTypeOf('number')
  })

  it('records nothing when other paths are asked', async () => {
    const count = await fetch(`${anthropic.url}/v1/messages/count_tokens`, {
      method: 'POST',
      body: '{}',
    })
    expect(await count.json()).toEqual({ input_tokens: 1 })
    await fetch(anthropic.url, { method: 'HEAD' })
    expect(anthropic.requests).toEqual([])
  })

  it('says that the script failed when `respond` throws', async () => {
    anthropic.respond = () => {
      throw new Error('a slip')
    }
    const response = await post(message)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('The script failed: a slip')
  })
})
