import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drips, silent, stalls } from '../../scripted-anthropic/server.ts'
import { type BuiltServer, startBuiltServer } from './built-server.ts'
import { ask, contentOf, failure, hello, until } from './support.ts'

let server: BuiltServer
beforeAll(async () => {
  server = await startBuiltServer()
  // The first request of all waits for the first process of all.
  await ask(server.client)
})
afterAll(() => server[Symbol.asyncDispose]())

/** Resolves when the model has the request; gives it. */
async function modelHasRequest(index: number) {
  const { requests } = server.anthropic
  await until('the model has the request', () => requests.length > index)
  const request = requests[index]
  if (!request) throw new Error('The model was not asked.')
  return request
}

async function expectStopped(request: { closedAt?: number }, leftAt: number): Promise<void> {
  await until('the model call is closed', () => request.closedAt !== undefined, 5_000)
  expect((request.closedAt ?? Infinity) - leftAt).toBeLessThan(1_000)
  await until('no claude process is left', async () => (await server.claudes()).length === 0, 5_000)
}

describe('a caller that leaves', () => {
  it.each([
    ['while it waits for the whole answer', false, silent()],
    ['before the first word of a stream', true, stalls()],
  ] as const)('%s stops the turn within a second', async (_name, stream, step) => {
    server.anthropic.respond = () => step
    const index = server.anthropic.requests.length
    const leave = new AbortController()
    const request = { model: 'sonnet', messages: hello, stream }
    const asking = server.client.chat.completions.create(request, { signal: leave.signal })
    const aborted = expect(asking).rejects.toThrow(/aborted/)
    const call = await modelHasRequest(index)
    expect((await server.claudes()).length).toBeGreaterThan(0)
    const leftAt = Date.now()
    leave.abort()
    await aborted
    await expectStopped(call, leftAt)
  })

  it('in the middle of a stream stops the turn within a second', async () => {
    server.anthropic.respond = () => drips('and ', 50)
    const index = server.anthropic.requests.length
    const stream = await server.client.chat.completions.create({
      model: 'sonnet',
      messages: hello,
      stream: true,
    })
    let words = 0
    let leftAt = 0
    for await (const chunk of stream) {
      if (contentOf(chunk) !== '') words++
      if (words < 3) continue
      leftAt = Date.now()
      break
    }
    await expectStopped(await modelHasRequest(index), leftAt)
  })

  it('stops all choices', async () => {
    server.anthropic.respond = () => silent()
    const index = server.anthropic.requests.length
    const leave = new AbortController()
    const request = { model: 'sonnet', messages: hello, n: 2 }
    const asking = failure(server.client.chat.completions.create(request, { signal: leave.signal }))
    const calls = await Promise.all([modelHasRequest(index), modelHasRequest(index + 1)])
    const leftAt = Date.now()
    leave.abort()
    await asking
    for (const call of calls) await expectStopped(call, leftAt)
  })

  it('is a 499 in the log, and the server is well', async () => {
    const lines = server
      .log()
      .filter(({ event, status }) => event === 'request-finished' && status === 499)
    expect(lines).toHaveLength(4)
    expect(server.log().filter(({ event }) => event === 'fault')).toEqual([])
    server.anthropic.respond = () => drips('', 1_000)
    expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  })
})
