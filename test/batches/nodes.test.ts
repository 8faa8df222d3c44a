import type { OpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BuiltServer, startBuiltServer } from '../api/server/built-server.ts'
import { after, gate, questionOf, until } from '../api/server/support.ts'
import {
  says,
  type ScriptedAnthropic,
  startScriptedAnthropic,
} from '../scripted-anthropic/server.ts'
import { postgresPrograms, startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { asking, begin, ended, linesOf, textOf } from './support.ts'

/** Every line is there once, with its own answer. */
async function expectWhole(client: OpenAI, batch: string, ids: readonly string[]): Promise<void> {
  const done = await ended(client, batch, 120_000)
  expect(done).toMatchObject({
    status: 'completed',
    error_file_id: null,
    request_counts: { total: ids.length, completed: ids.length, failed: 0 },
  })
  const answers = await linesOf(client, done.output_file_id)
  expect(answers.map(({ custom_id: id }) => id)).toEqual(ids)
  for (const answer of answers)
    expect(textOf(answer)).toBe(`Answer to Question ${answer.custom_id}`)
  const files = await client.files.list({ purpose: 'batch_output' })
  expect(files.data.map(({ id }) => id)).toEqual([done.output_file_id])
}

/** Answers once it is let; keeps what it was asked. */
function scripted(anthropic: ScriptedAnthropic): { questions: string[]; answer: () => void } {
  const held = gate()
  const questions: string[] = []
  anthropic.respond = (request) => {
    const question = questionOf(request)
    questions.push(question)
    return after(held.opened, says(`Answer to ${question}`))
  }
  return { questions, answer: held.open }
}

const start = (url: string, anthropic: ScriptedAnthropic): Promise<BuiltServer> =>
  startBuiltServer({
    DATABASE_URL: url,
    ANTHROPIC_BASE_URL: anthropic.url,
    MAX_TURNS: '2',
    BATCH_CONCURRENCY: '2',
    LIVE_CONVERSATIONS: '2',
  })

describe.skipIf(postgresPrograms === undefined)(
  'a batch on a Postgres (needs its programs)',
  { timeout: 240_000 },
  () => {
    let postgres: TestPostgres
    beforeAll(async () => {
      postgres = await startTestPostgres()
    })
    afterAll(() => postgres.close())

    it('loses no line, and answers none twice, when one of three nodes is killed', async () => {
      await using anthropic = await startScriptedAnthropic()
      const { questions, answer } = scripted(anthropic)
      const url = postgres.url()
      await using first = await start(url, anthropic)
      await using second = await start(url, anthropic)
      await using third = await start(url, anthropic)
      const ids = Array.from({ length: 18 }, (_, index) => `n-${index}`)
      const lines = ids.map((id) => asking(id))
      const { id } = await begin(first.client, lines)
      await until('each node has two lines', () => questions.length === 6, 60_000)
      first.child.kill('SIGKILL')
      await first.ended
      answer()
      await expectWhole(second.client, id, ids)
      // The two that the killed node had are asked again.
      expect(questions.length).toBeGreaterThanOrEqual(ids.length + 2)
      expect(new Set(questions).size).toBe(ids.length)
      expect(await third.client.batches.retrieve(id)).toEqual(
        await second.client.batches.retrieve(id),
      )
    })

    it('goes on by itself when the database has been away', async () => {
      await using anthropic = await startScriptedAnthropic()
      const { questions, answer } = scripted(anthropic)
      await using server = await start(postgres.url(), anthropic)
      const ids = Array.from({ length: 10 }, (_, index) => `d-${index}`)
      const lines = ids.map((id) => asking(id))
      const { id } = await begin(server.client, lines)
      await until('lines run', () => questions.length === 2, 30_000)
      await postgres.stop()
      // Answered while nothing can be recorded.
      answer()
      await until('it is missed', async () => {
        const { status } = await fetch(`${server.url}/v1/batches/${id}`)
        return status === 503
      })
      await postgres.start()
      await until('it is there again', async () => {
        const { status } = await fetch(`${server.url}/v1/batches/${id}`)
        return status === 200
      })
      await expectWhole(server.client, id, ids)
      expect(new Set(questions).size).toBe(ids.length)
    })
  },
)
