import { it } from 'vitest'
import { serve, until, hello } from './server.ts'
it('dbg', async () => {
  const t0 = performance.now()
  const log = (...a: unknown[]) => console.log((performance.now() - t0).toFixed(0), ...a)
  const server = await serve(async function* (_t, context) {
    yield { type: 'start', id: 'a', provider: 'c', model: 'm' }
    yield { type: 'text-start', block: 0 }
    await new Promise((_r, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason)))
  })
  ;(await import('node:diagnostics_channel')).subscribe('net.server.socket', (m: any) => {
    log('connection', m.socket.remotePort); m.socket.on('close', () => log('closed', m.socket.remotePort)); m.socket.on('data', (d: Buffer) => log('data', d.length))
  })
  const leave = new AbortController()
  const answer = await server.client.chat.completions.create({ model: 'x', messages: hello, stream: true }, { signal: leave.signal })
  log('got answer')
  const it = answer[Symbol.asyncIterator]()
  log(await it.next())
  leave.abort()
  log('aborted')
  await until(() => server.finished.length === 1)
  log('finished', server.finished)
  await server.close()
  log('server closed')
}, 40_000)
