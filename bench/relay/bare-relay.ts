import { createServer } from 'node:http'
import { pipeline } from 'node:stream'
import { Pool } from 'undici'

/** The floor: `node:http` and `undici.request`, and nothing else. Reads the body, sends it on, pipes the answer back. */
const pool = new Pool(process.argv[2] ?? '', { connections: 256 })

const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => {
    void (async () => {
      const answer = await pool.request({
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json' },
        body: Buffer.concat(pieces),
      })
      response.writeHead(answer.statusCode, {
        'content-type': String(answer.headers['content-type']),
      })
      pipeline(answer.body, response, () => {})
    })()
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as { port: number }).port })
})
