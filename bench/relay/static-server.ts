import Fastify from 'fastify'

/** A static answer by the HTTP framework: the body is read as JSON and not looked at. */
const answer = {
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1,
  model: 'bench',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'lorem ipsum dolor sit amet '.repeat(30) },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 1500, completion_tokens: 200, total_tokens: 1700 },
}

const app = Fastify({ keepAliveTimeout: 60_000 })
app.post('/v1/chat/completions', () => answer)
const url = await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port: Number(new URL(url).port) })
