import { describe, expect, it } from 'vitest'
import { deferred } from '../../src/lib/deferred.ts'
import { TurnError } from '../../src/turn/error.ts'
import { says, type Script, type TestServer, until } from '../http/server.ts'
import { eventsOf, expectOrder } from './event-order.ts'
import { keptServers } from './kept-server.ts'

const servers = keptServers()
const { start } = servers

/** Says a word, and the rest when it is let. */
function inTwoParts(): { script: Script; go: () => void } {
  const told = deferred<void>()
  return {
    go: () => told.resolve(),
    async *script(_turn, { cancellation: { signal } }) {
      yield { type: 'start', id: 'm', provider: 'claude', model: 'claude-test' }
      yield { type: 'text-start', block: 0 }
      yield { type: 'text-delta', block: 0, text: 'Hel' }
      const left = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
      await Promise.race([told.promise, left])
      yield { type: 'text-delta', block: 0, text: 'lo' }
      yield { type: 'text-end', block: 0 }
      const usage = { inputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 }
      yield {
        type: 'finish',
        reason: 'stop',
        model: 'claude-test',
        usage: { ...usage, outputTokens: 1, reasoningTokens: 0 },
      }
    },
  }
}

const request = { model: 'sonnet', input: 'Hello', background: true } as const

async function ended({ client }: TestServer, id: string) {
  let response = await client.responses.retrieve(id)
  while (response.status === 'in_progress') response = await client.responses.retrieve(id)
  return response
}

describe('a response in the background', () => {
  it('is told of at once, and polled until it is complete', async () => {
    const { script, go } = inTwoParts()
    const running = await start(script)
    const begun = await running.client.responses.create(request)
    expect(begun).toMatchObject({ status: 'in_progress', background: true, output: [] })
    expect(await running.client.responses.retrieve(begun.id)).toMatchObject({
      status: 'in_progress',
    })
    go()
    expect(await ended(running, begun.id)).toMatchObject({
      id: begun.id,
      status: 'completed',
      output: [{ content: [{ text: 'Hello' }] }],
    })
  })

  it('survives its reader, and is streamed again from any event, also after a restart', async () => {
    const { script, go } = inTwoParts()
    const running = await start(script)
    const stream = await running.client.responses.create({ ...request, stream: true })
    let id = ''
    let last = -1
    for await (const event of stream) {
      if (event.type === 'response.created') ({ id } = event.response)
      last = event.sequence_number
      // Leaves.
      if (event.type === 'response.output_text.delta') break
    }
    expect(last).toBe(4)
    const again = running.fetch(`/v1/responses/${id}?stream=true&starting_after=${last}`)
    go()
    const rest = eventsOf(await (await again).text())
    expect(rest[0]).toMatchObject({ sequence_number: 5, delta: 'lo' })
    const all = eventsOf(await (await running.fetch(`/v1/responses/${id}?stream=true`)).text())
    expectOrder(all)
    expect(all.slice(5)).toEqual(rest)
    await running.close()
    const later = await start(() => says('Never.'))
    const kept = await (await later.fetch(`/v1/responses/${id}?stream=true`)).text()
    expect(eventsOf(kept)).toEqual(all)
  })

  it('is cancelled, and stays so', async () => {
    const running = await start(inTwoParts().script)
    const { client, backend } = running
    const begun = await client.responses.create(request)
    await until(() => backend.runs.length === 1)
    const cancelled = await client.responses.cancel(begun.id)
    expect(cancelled).toMatchObject({ id: begun.id, status: 'cancelled', error: null })
    expect(backend.runs[0]?.context.cancellation.aborted).toBe(true)
    expect(await client.responses.cancel(begun.id)).toMatchObject({ status: 'cancelled' })
    expect(await client.responses.retrieve(begun.id)).toMatchObject({ status: 'cancelled' })
  })

  it('is cancelled on another node', async () => {
    const running = await start(inTwoParts().script)
    const other = await servers.beside(() => says('Never.'))
    const begun = await running.client.responses.create(request)
    await until(() => running.backend.runs.length === 1)
    expect(await other.client.responses.cancel(begun.id)).toMatchObject({
      id: begun.id,
      status: 'cancelled',
      error: null,
    })
    expect(running.backend.runs[0]?.context.cancellation.aborted).toBe(true)
    expect(await running.client.responses.cancel(begun.id)).toMatchObject({ status: 'cancelled' })
  })

  it('is gone for good when it is deleted before its end', async () => {
    const running = await start(inTwoParts().script)
    const other = await servers.beside(() => says('Never.'))
    for (const { client } of [running, other]) {
      const begun = await running.client.responses.create(request)
      await until(() => running.backend.runs.at(-1)?.context.cancellation.aborted === false)
      await client.responses.delete(begun.id)
      expect(running.backend.runs.at(-1)?.context.cancellation.aborted).toBe(true)
      await expect(running.client.responses.retrieve(begun.id)).rejects.toMatchObject({
        status: 404,
      })
    }
  })

  it('that fails is kept as failed', async () => {
    const running = await start(async function* () {
      yield* []
      throw new TurnError('overloaded', 'It failed.')
    })
    const begun = await running.client.responses.create(request)
    expect(await ended(running, begun.id)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: 'It failed.' },
    })
  })

  it('whose server has ended is failed after a while', async () => {
    let now = Date.now()
    const { script, go } = inTwoParts()
    const running = await start(script, { now: () => now })
    const begun = await running.client.responses.create(request)
    now += 91_000
    const found = await running.client.responses.retrieve(begun.id)
    expect(found).toMatchObject({ status: 'failed', error: { code: 'server_error' } })
    go()
    expect(await ended(running, begun.id)).toMatchObject({ status: 'completed' })
  })

  it('needs to be kept', async () => {
    const { client } = await start(() => says('Never.'))
    const asking = client.responses.create({ ...request, store: false })
    await expect(asking).rejects.toMatchObject({ status: 400, param: 'background' })
  })
})

describe('a response that was waited for', () => {
  it('cannot be cancelled or streamed again', async () => {
    const { client } = await start(() => says('Hello'))
    const { id } = await client.responses.create({ ...request, background: false })
    await expect(client.responses.cancel(id)).rejects.toMatchObject({ status: 400 })
    const streaming = client.responses.retrieve(id, { stream: true })
    await expect(streaming).rejects.toMatchObject({ status: 400, param: 'stream' })
  })
})
