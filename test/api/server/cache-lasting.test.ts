import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { says } from '../../scripted-anthropic/server.ts'
import { temporaryFolder } from '../../support/claude.ts'
import { postgresPrograms, startTestPostgres, type TestPostgres } from '../../support/postgres.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask } from './support.ts'

type Entry = { key: string; tokens: number }

function answering(server: TestServer, text: string): void {
  server.anthropic.respond = () => says(text)
}

async function entriesOf({ url }: TestServer): Promise<Entry[]> {
  const response = await fetch(`${url}/v1/cache`)
  return ((await response.json()) as { data: Entry[] }).data
}

async function expectHit({ client }: TestServer, text: string): Promise<void> {
  const { headers, text: said } = await ask(client)
  expect([headers.get('x-cache'), said]).toEqual(['hit', text])
}

describe('a cache in storage', { timeout: 60_000 }, () => {
  it('gives its answers after a restart, and forgets what is cleared for good', async () => {
    await using data = await temporaryFolder()
    const settings = { CACHE: 'exact', DATA_DIR: data.path }
    const before = await startTestServer(settings)
    answering(before, 'From before.')
    await ask(before.client)
    const [kept] = await entriesOf(before)
    await before.close()

    await using after = await startTestServer(settings)
    answering(after, 'New.')
    expect(await entriesOf(after)).toEqual([
      { ...kept, age: expect.any(Number), expires_in: expect.any(Number) },
    ])
    await expectHit(after, 'From before.')
    expect(after.anthropic.requests).toEqual([])
    const cleared = await fetch(`${after.url}/v1/cache`, { method: 'DELETE' })
    expect(await cleared.json()).toEqual({ object: 'cache.deleted', deleted: 1 })
    expect((await ask(after.client)).text).toBe('New.')
  })
})

describe.skipIf(postgresPrograms === undefined)(
  'a cache of two servers on one Postgres (needs its programs)',
  { timeout: 90_000 },
  () => {
    let postgres: TestPostgres
    beforeAll(async () => {
      postgres = await startTestPostgres()
    })
    afterAll(() => postgres.close())

    it('is one: what one answered the other gives, and what one forgets both forget', async () => {
      const settings = { CACHE: 'exact', DATABASE_URL: postgres.url() }
      await using one = await startTestServer(settings)
      await using other = await startTestServer(settings)
      answering(one, 'By one.')
      answering(other, 'By the other.')
      await ask(one.client)
      // What is kept is in storage a moment after the answer.
      await expect.poll(async () => (await entriesOf(other)).length).toBe(1)
      await expectHit(other, 'By one.')
      expect(other.anthropic.requests).toEqual([])
      await fetch(`${one.url}/v1/cache`, { method: 'DELETE' })
      await expect.poll(async () => (await entriesOf(other)).length, { timeout: 10_000 }).toBe(0)
      expect((await ask(other.client)).text).toBe('By the other.')
    })
  },
)
