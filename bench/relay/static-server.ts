import Fastify from 'fastify'
import { done, events, whole } from './answer.ts'

/** A static answer by the HTTP framework, whole or as a stream: the body is read as JSON, and nothing else of it is looked at. */
const stream = events.join('') + done

const app = Fastify({ keepAliveTimeout: 60_000 })
app.post('/v1/chat/completions', (request, reply) =>
  (request.body as { stream?: boolean }).stream === true
    ? reply.type('text/event-stream; charset=utf-8').send(stream)
    : reply.send(whole),
)
const url = await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port: Number(new URL(url).port) })
