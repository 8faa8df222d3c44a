import { createServer } from 'node:http'

/**
 * The API at the end of every relay: a whole answer of 1 kB, or 50 events, each written on its own turn of the event loop. As a process
 * of its own, so that its work is not counted as the relay's.
 */
const words = 'lorem ipsum dolor sit amet '.repeat(30)
const whole = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1,
  model: 'bench',
  choices: [{ index: 0, message: { role: 'assistant', content: words }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1500, completion_tokens: 200, total_tokens: 1700 },
})

const events = [
  frame({ role: 'assistant', content: '' }),
  ...Array.from({ length: 48 }, (_, index) => frame({ content: `word ${index} ` })),
  frame({}, 'stop'),
]

function frame(delta: object, finish: string | null = null): string {
  return `data: ${JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'bench',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  })}\n\n`
}

const server = createServer((request, response) => {
  let isStream = false
  request.on('data', (piece: Buffer) => {
    isStream ||= piece.includes('"stream":true')
  })
  request.on('end', () => {
    if (!isStream) {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(whole),
      })
      response.end(whole)
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let sent = 0
    const next = (): void => {
      if (response.destroyed) return
      const event = events[sent++]
      if (event === undefined) {
        response.end('data: [DONE]\n\n')
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
