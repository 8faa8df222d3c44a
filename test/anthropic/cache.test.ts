import { afterAll, beforeAll, expect, it } from 'vitest'
import { says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type CheckedClient, checkedClient } from './client.ts'

let server: TestServer
let checked: CheckedClient
beforeAll(async () => {
  server = await startTestServer({ CACHE: 'exact' })
  checked = checkedClient(server.url)
})
afterAll(async () => {
  await server.close()
  expect(await checked.problems()).toEqual([])
})

it('The cache gives the same answer again, whole and streamed, each time with an id of its own', async () => {
  server.anthropic.enqueue(says('Once.'))
  const body = {
    model: 'sonnet',
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'Hello' }],
  }
  const ids: string[] = []
  for (const state of ['miss', 'hit', 'hit', 'hit']) {
    const { data, response } = await checked.client.messages.create(body).withResponse()
    expect(response.headers.get('x-cache')).toBe(state)
    expect(data.content).toMatchObject([{ type: 'text', text: 'Once.' }])
    ids.push(data.id)
  }
  const streamed = await checked.client.messages.stream(body).finalMessage()
  expect(streamed.content).toMatchObject([{ type: 'text', text: 'Once.' }])
  expect(new Set([...ids, streamed.id]).size).toBe(5)
  expect(server.anthropic.requests).toHaveLength(1)
})
