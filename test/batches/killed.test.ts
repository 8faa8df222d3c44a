import { expect, it } from 'vitest'
import { type BuiltServer, startBuiltServer } from '../api/server/built-server.ts'
import { until } from '../api/server/support.ts'
import {
  conversation,
  says,
  type ScriptedAnthropic,
  stalls,
  startScriptedAnthropic,
} from '../scripted-anthropic/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { asking, begin, ended, linesOf, textOf } from './support.ts'

const kills = 20
const count = 60
/** So many are answered between two kills, so that the batch is not over before the last. */
const answeredBetween = 2

/** Answers so many questions, and then none until `allow` is called again; `asked` counts since. */
function scripted(anthropic: ScriptedAnthropic) {
  const questions = new Set<string>()
  const state = { asked: 0, allowed: 0 }
  anthropic.respond = (request) => {
    const question = /Question [\w-]+/.exec(JSON.stringify(conversation(request)))?.[0] ?? ''
    questions.add(question)
    state.asked += 1
    return state.asked > state.allowed ? stalls() : says(`Answer to ${question}.`)
  }
  const allow = (answers: number): void => {
    state.asked = 0
    state.allowed = answers
  }
  return { questions, state, allow }
}

it(
  `a batch over ${kills} kills of its server: each line is answered, and recorded once`,
  { timeout: 300_000 },
  async () => {
    await using folder = await temporaryFolder()
    await using anthropic = await startScriptedAnthropic()
    const { questions, state, allow } = scripted(anthropic)
    const start = (): Promise<BuiltServer> =>
      startBuiltServer({
        DATA_DIR: folder.path,
        ANTHROPIC_BASE_URL: anthropic.url,
        MAX_TURNS: '4',
        BATCH_CONCURRENCY: '4',
        LIVE_CONVERSATIONS: '4',
        // None would live to be used.
        WAITING_PROCESSES: '0',
      })
    const ids = Array.from({ length: count }, (_, index) => `k-${index}`)
    let batch = ''
    for (let kill = 0; kill < kills; kill++) {
      allow(answeredBetween)
      await using server = await start()
      if (batch === '') {
        const lines = ids.map((id) => asking(id))
        batch = (await begin(server.client, lines)).id
      }
      // Before an answer, while answers are recorded, and after them.
      await until('lines are asked', () => state.asked > kill % 4, 30_000)
      server.child.kill('SIGKILL')
      await server.ended
    }
    allow(Number.POSITIVE_INFINITY)
    await using server = await start()
    const done = await ended(server.client, batch, 120_000)
    expect(done).toMatchObject({
      status: 'completed',
      request_counts: { total: count, completed: count, failed: 0 },
    })
    const answers = await linesOf(server.client, done.output_file_id)
    expect(answers.map(({ custom_id: id }) => id)).toEqual(ids)
    for (const answer of answers) {
      expect(textOf(answer)).toBe(`Answer to Question ${answer.custom_id}.`)
    }
    expect([...questions].toSorted()).toEqual(ids.map((id) => `Question ${id}`).toSorted())
    const files = await server.client.files.list({ purpose: 'batch_output' })
    expect(files.data.map(({ id }) => id)).toEqual([done.output_file_id])
  },
)
