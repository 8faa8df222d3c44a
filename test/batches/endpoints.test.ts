import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, it } from 'vitest'
import { startTestServer } from '../support/server.ts'
import { begin, ended, linesOf } from './support.ts'

it('lines ask what is passed on to another API as well', { timeout: 60_000 }, async () => {
  const seen: unknown[] = []
  const vendor = createServer((request, response) => {
    void (async () => {
      let text = ''
      for await (const piece of request.setEncoding('utf8')) text += String(piece)
      const body: unknown = JSON.parse(text)
      seen.push([request.url, body])
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ object: 'list', data: [{ embedding: [1] }], for: body }))
    })()
  }).listen(0, '127.0.0.1')
  await once(vendor, 'listening')
  const { port } = vendor.address() as { port: number }
  try {
    await using server = await startTestServer({
      FALLBACK_API_NAME_1: 'vendor',
      FALLBACK_API_URL_1: `http://127.0.0.1:${port}/v1`,
    })
    const asked = ['one', 'two'].map((input) => ({ model: 'small', input }))
    const lines = asked.map((body, index) => ({
      custom_id: `line-${index}`,
      method: 'POST',
      // As Azure's clients write it.
      url: '/embeddings',
      body,
    }))
    const endpoint = '/embeddings' as '/v1/embeddings'
    const { id } = await begin(server.client, lines, { endpoint })
    const done = await ended(server.client, id)
    expect(done.request_counts).toEqual({ total: 2, completed: 2, failed: 0 })
    expect(seen).toEqual(expect.arrayContaining(asked.map((body) => ['/v1/embeddings', body])))
    const answers = await linesOf(server.client, done.output_file_id)
    expect(answers.map(({ response }) => response?.body)).toEqual(
      asked.map((body) => ({ object: 'list', data: [{ embedding: [1] }], for: body })),
    )
  } finally {
    vendor.closeAllConnections()
    vendor.close()
  }
})
