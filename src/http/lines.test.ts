import Fastify, { type FastifyRequest } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { deferred } from '../lib/deferred.ts'
import { TurnError } from '../turn/error.ts'
import { Lines } from './lines.ts'
import { requestId } from './middleware/request-id.ts'

const lines = new Lines()
const app = Fastify({ genReqId: requestId, requestIdHeader: false })
const held = deferred<void>()
const arrived = deferred<void>()
let url = ''

/** Says whose line a request is; waits where it is asked to. */
async function who(request: FastifyRequest): Promise<{ owner: string | null }> {
  const { body } = request
  if (typeof body === 'object' && body !== null && 'wait' in body) {
    arrived.resolve()
    await held.promise
  }
  return { owner: lines.callerOf(request)?.owner ?? null }
}

beforeAll(async () => {
  app.route({ method: 'POST', url: '/who', handler: who })
  url = await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())

const line = { id: 'req_1', path: '/who', caller: { owner: 'key-a' } }

it('Lines knows a line by its caller, and nobody who sends its id over a connection', async () => {
  const dispatch = lines.dispatcher(app, ({ owner }) => ({ owner }))
  const asking = dispatch({ ...line, body: '{"wait":true}' })
  await arrived.promise
  const response = await fetch(`${url}/who`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': line.id },
    body: '{}',
  })
  expect(await response.json()).toEqual({ owner: null })
  held.resolve()
  expect(await asking).toMatchObject({ status: 200, body: '{"owner":"key-a"}' })
  const later = await app.inject({
    method: 'POST',
    url: '/who',
    headers: { 'x-request-id': line.id },
    payload: {},
  })
  expect(later.json()).toEqual({ owner: null })
})

it('Lines answers with what keeps a caller out', async () => {
  const dispatch = lines.dispatcher(app, () => {
    throw new TurnError('invalid_api_key', 'It has been revoked.')
  })
  const answer = await dispatch({ ...line, body: '{}' })
  expect(answer.status).toBe(401)
  expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'invalid_api_key' } })
})
