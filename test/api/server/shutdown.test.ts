import { describe, expect, it } from 'vitest'
import { stalls, stallsAfter } from '../../scripted-anthropic/server.ts'
import { type BuiltServer, startBuiltServer } from './built-server.ts'
import { ask, askStream, contentOf, failure, gate, readAll, saysInTwo, until } from './support.ts'

async function noClaude(server: BuiltServer, limitMs: number): Promise<void> {
  await until(
    'no claude process is left',
    async () => (await server.claudes()).length === 0,
    limitMs,
  )
}

/** Starts a stream and waits for its first word. */
async function streaming(server: BuiltServer) {
  const { chunks } = await askStream(server.client)
  const iterator = chunks[Symbol.asyncIterator]()
  let first = ''
  while (first === '') first = contentOf((await iterator.next()).value)
  return { first, rest: readAll({ [Symbol.asyncIterator]: () => iterator }) }
}

describe('SIGTERM', () => {
  it('lets a running stream end, takes no new one, leaves no process and exits 0', async () => {
    await using server = await startBuiltServer({ WAITING_PROCESSES: '1' })
    const end = gate()
    server.anthropic.respond = () => saysInTwo('First, ', end.opened, 'then.')
    const { first, rest } = await streaming(server)
    expect(first).toBe('First, ')
    server.child.kill('SIGTERM')
    await until('it stops listening', async () =>
      fetch(`${server.url}/health`, { headers: { connection: 'close' } }).then(
        () => false,
        () => true,
      ),
    )
    expect(server.child.exitCode).toBe(null)
    end.open()
    const read = await rest
    expect(read).toMatchObject({ text: 'then.', error: undefined })
    expect(read.chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
    expect(await server.ended).toEqual({ status: 0, signal: null })
    expect(server.log().at(-1)).toMatchObject({ event: 'server-stopped', reason: 'SIGTERM' })
    expect(await server.claudes()).toEqual([])
  })

  it('of an idle server ends it at once, kept connections and waiting processes included', async () => {
    await using server = await startBuiltServer({ WAITING_PROCESSES: '2' })
    await ask(server.client)
    const startedMs = performance.now()
    server.child.kill('SIGTERM')
    expect(await server.ended).toEqual({ status: 0, signal: null })
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    expect(await server.claudes()).toEqual([])
  })

  it('cuts what outlives SHUTDOWN_GRACE_SECONDS, with an error that says so', async () => {
    await using server = await startBuiltServer({ SHUTDOWN_GRACE_SECONDS: '1' })
    server.anthropic.enqueue(stallsAfter('Half an '), stalls())
    const { rest } = await streaming(server)
    const plain = failure(ask(server.client))
    await until('the model has both', () => server.anthropic.requests.length === 2)
    const startedMs = performance.now()
    server.child.kill('SIGTERM')
    expect((await rest).error).toMatchObject({ code: 'shutting_down' })
    expect(await plain).toMatchObject({ status: 503, code: 'shutting_down' })
    expect(await server.ended).toEqual({ status: 0, signal: null })
    expect(performance.now() - startedMs).toBeGreaterThan(900)
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    expect(await server.claudes()).toEqual([])
  })
})

describe('kill -9', () => {
  it('leaves no claude process, running, waiting or kept, after four seconds', async () => {
    await using server = await startBuiltServer({ WAITING_PROCESSES: '2', LIVE_CONVERSATIONS: '2' })
    await ask(server.client)
    server.anthropic.respond = () => stallsAfter('Half an ')
    const { rest } = await streaming(server)
    // The stream took one of the two that waited; the next is started when it ends. The first answer's process is kept.
    await until(
      'one runs, one waits, one is kept',
      async () => (await server.claudes()).length === 3,
    )
    server.child.kill('SIGKILL')
    await noClaude(server, 4_000)
    expect((await rest).error).toBeInstanceOf(Error)
  })
})
