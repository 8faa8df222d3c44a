/**
 * Many requests in a row, then many readers that are slow: does anything grow? `npm run soak`; `--requests N`, `--readers N`, `--json FILE`.
 * Fails where memory, open files or processes do. The bound is the one of docs/performance.md.
 */
import { readdir, writeFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { raw, says, startScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { processesWith } from '../test/support/leaks.ts'
import { perSecond } from './measure.ts'
import { startBuiltServer } from './server.ts'
import { longAnswer } from './long-answer.ts'

const { values: options } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    readers: { type: 'string', default: '200' },
    json: { type: 'string' },
  },
})
const requests = Number(options.requests)
const readers = Number(options.readers)
/** What one stream to a slow reader may hold in the server's own process, in KiB. */
const streamKibibytes = 4_096

await using anthropic = await startScriptedAnthropic()
anthropic.respond = ({ body }) => {
  anthropic.requests.length = 0
  return JSON.stringify(body.messages).includes('long') ? raw(longAnswer) : says('A short answer.')
}
await using folder = await temporaryFolder()
const environment = claudeEnvironment(anthropic.url)
const server = await startBuiltServer(environment, folder.path, {
  QUEUE_TIMEOUT_SECONDS: '600',
  READER_TIMEOUT_SECONDS: '600',
  NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=4',
})

type State = { requests: number; memory: number; files: number; processes: number }
const states: State[] = []

const warm = Math.min(1_000, Math.ceil(requests / 10))
await perSecond(8, warm, () => server.chat())
await note(warm)
for (let done = warm; done < requests;) {
  const step = Math.min(1_000, requests - done)
  await perSecond(8, step, () => server.chat())
  done += step
  await note(done)
}
const [first, last] = [states.at(0), states.at(-1)]
if (!first || !last) throw new Error('Nothing was measured.')
const slow = await slowReaders()
const left = await server.close()
const problems = [
  last.memory > first.memory * 1.25 + 20 &&
    `memory grew from ${first.memory} to ${last.memory} MiB`,
  last.files > first.files + 10 && `open files grew from ${first.files} to ${last.files}`,
  last.processes > first.processes + 4 &&
    `processes grew from ${first.processes} to ${last.processes}`,
  slow.eachKibibytes > streamKibibytes && `a slow reader holds ${slow.eachKibibytes} KiB`,
  left > 0 && `${left} processes are left`,
].filter((problem) => problem !== false)
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ states, slow, left, problems }, null, 2)}\n`)
console.log(problems.length === 0 ? 'Nothing grew.' : problems.join('\n'))
process.exitCode = problems.length === 0 ? 0 : 1

async function note(done: number): Promise<void> {
  await sleep(500)
  const { pid = 0 } = server.child
  const state = {
    requests: done,
    memory: Math.round(await server.memory()),
    files: (await readdir(`/proc/${pid}/fd`)).length,
    processes: (await processesWith(`CLAUDE_CONFIG_DIR=${environment['CLAUDE_CONFIG_DIR']}`))
      .length,
  }
  states.push(state)
  console.log(
    `${String(done).padStart(6)} requests: ${state.memory} MiB, ${state.files} open files, ${state.processes} processes`,
  )
}

/** Readers that ask for a long answer and take nothing of it: as many as may stream, the others wait for a place. */
async function slowReaders(): Promise<{ readers: number; streams: number; eachKibibytes: number }> {
  const before = await server.memory()
  const leaving = new AbortController()
  const agent = new Agent({ connections: readers, headersTimeout: 0, bodyTimeout: 0 })
  let streams = 0
  const asked = Array.from({ length: readers }, async (_, index) => {
    const { body } = await request(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        stream: true,
        messages: [{ role: 'user', content: `A long answer, reader ${index}.` }],
      }),
      dispatcher: agent,
      signal: leaving.signal,
    })
    body.on('error', () => {})
    body.pause()
    streams++
  })
  await sleep(20_000)
  const during = await server.memory()
  const eachKibibytes = Math.round(((during - before) * 1_024) / streams)
  console.log(
    `${readers} readers that take nothing of 17 MB each: ${streams} streams, ${Math.round(before)} MiB before, ${Math.round(during)} MiB during, ${eachKibibytes} KiB a stream`,
  )
  leaving.abort()
  await Promise.allSettled(asked)
  await agent.destroy()
  await sleep(2_000)
  return { readers, streams, eachKibibytes }
}
