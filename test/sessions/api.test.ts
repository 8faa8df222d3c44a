import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { after, ask, failure, gate } from '../api/server/support.ts'
import { clientWith, makeKey } from '../keys/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { goOn } from './support.ts'

type Session = { id: string; title: string | null; turns: number; [field: string]: unknown }
type Page = { data: Session[]; last_id: string | null; has_more: boolean }

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ API_KEY: 'dummy-key' })
})
afterAll(() => server.close())

async function begin(client: OpenAI = server.client): Promise<string> {
  server.anthropic.enqueue(says('Noted.'))
  const { answer } = await ask(client)
  return answer.claude?.session_id ?? expect.fail('The answer has no session.')
}

const pageOf = async (query: object): Promise<Page> =>
  (await server.client.get('/sessions', { query })) as Page

const transcripts = async (): Promise<string> =>
  (await readdir(join(server.configDir, 'projects'), { recursive: true })).join()

describe('/v1/sessions', { timeout: 60_000 }, () => {
  it('shows a session, and takes its title and metadata', async () => {
    const id = await begin()
    const path = `/sessions/${id}`
    expect(await server.client.get(path)).toMatchObject({
      id,
      object: 'session',
      title: null,
      metadata: {},
      turns: 1,
    })
    const body = { title: 'The parser', metadata: { ticket: '7' } }
    expect(await server.client.patch(path, { body })).toMatchObject(body)
    server.anthropic.enqueue(says('More.'))
    await goOn(server, id)
    expect(await server.client.get(path)).toMatchObject({ ...body, turns: 2 })
    const query = { search: 'PARS' }
    expect(await server.client.get('/sessions', { query })).toMatchObject({ data: [{ id }] })
  })

  it('lists page by page', async () => {
    const ids = [await begin(), await begin(), await begin()].toReversed()
    const first = await pageOf({ limit: 2 })
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect(first.has_more).toBe(true)
    const second = await pageOf({ limit: 1, after: first.last_id })
    expect(second.data.map(({ id }) => id)).toEqual(ids.slice(2))
  })

  it('forgets a session, on the disk too', async () => {
    const id = await begin()
    await expect.poll(transcripts, { timeout: 20_000 }).toContain(id)
    expect(await server.client.delete(`/sessions/${id}`)).toMatchObject({ id, deleted: true })
    expect(await transcripts()).not.toContain(id)
    expect(await failure(goOn(server, id))).toMatchObject({ code: 'session_not_found' })
    const again = await failure(server.client.delete(`/sessions/${id}`))
    expect(again).toMatchObject({ status: 404, code: 'session_not_found' })
  })

  it('does not forget a session that is answering', async () => {
    const id = await begin()
    const { opened, open } = gate()
    server.anthropic.enqueue(after(opened, says('At last.')))
    const asked = server.anthropic.requests.length
    const answering = goOn(server, id)
    await expect.poll(() => server.anthropic.requests.length).toBeGreaterThan(asked)
    const busy = await failure(server.client.delete(`/sessions/${id}`))
    expect(busy).toMatchObject({ status: 409, code: 'session_busy' })
    open()
    expect((await answering).text).toBe('At last.')
    await server.client.delete(`/sessions/${id}`)
  })

  it('is apart for each key', async () => {
    const id = await begin()
    const { text } = await makeKey(server)
    const other = clientWith(server, text)
    expect(await other.get('/sessions')).toMatchObject({ data: [], has_more: false })
    const body = { title: 'Mine' }
    for (const asking of [
      () => other.get(`/sessions/${id}`),
      () => other.patch(`/sessions/${id}`, { body }),
      () => other.delete(`/sessions/${id}`),
    ]) {
      const refusal = await failure(asking())
      expect(refusal).toMatchObject({ status: 404, code: 'session_not_found' })
    }
    expect(await server.client.get(`/sessions/${id}`)).toMatchObject({ id, title: null })
  })

  it.each([
    ['limit', { limit: 0 }],
    ['limit', { limit: 'many' }],
  ])('refuses a wrong %s', async (param, query) => {
    expect(await failure(server.client.get('/sessions', { query }))).toMatchObject({
      status: 400,
      code: 'invalid_value',
      param,
    })
  })

  it.each([
    ['title', { title: 7 }],
    ['metadata.a', { metadata: { a: 1 } }],
  ])('refuses a wrong %s', async (param, body) => {
    const id = await begin()
    expect(await failure(server.client.patch(`/sessions/${id}`, { body }))).toMatchObject({
      status: 400,
      param,
    })
  })
})
