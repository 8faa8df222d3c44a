import { createServer } from 'node:http'
import { done, events, whole } from './answer.ts'

/**
 * The API at the end of every relay: a whole answer of 1 kB, or 50 events, each written on its own turn of the event loop. As a process
 * of its own, so that its work is not counted as the relay's.
 */
const body = JSON.stringify(whole)

const server = createServer((request, response) => {
  let isStream = false
  request.on('data', (piece: Buffer) => {
    isStream ||= piece.includes('"stream":true')
  })
  request.on('end', () => {
    if (!isStream) {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      })
      response.end(body)
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let sent = 0
    const next = (): void => {
      if (response.destroyed) return
      const event = events[sent++]
      if (event === undefined) {
        response.end(done)
        return
      }
      response.write(event)
      setImmediate(next)
    }
    next()
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as { port: number }).port })
})
