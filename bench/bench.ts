/**
 * This server against `claude -p` a request, side by side in one run, on the real binary and a scripted Anthropic server on loopback,
 * whose own time is subtracted. Prints a table; `--json FILE` keeps the figures, `--svg FILE` draws the ratios. Trust the ratios, not the
 * milliseconds. `--turns N`: how many of each (the default takes about two minutes).
 */
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { claudeVersion, findClaude } from '../src/engine/binary.ts'
import { callsTools, says, startScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { barChart } from './bar-chart.ts'
import type { ChatMessage } from './chat.ts'
import { claudePrint } from './claude-print.ts'
import { startDirect } from './direct.ts'
import { perSecond, type Sample, type Spread, spreadOf } from './measure.ts'
import { type Row, table } from './report.ts'
import { ownTimeMs } from './scripted-time.ts'
import { healthMs, question, startBuiltServer } from './server.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    svg: { type: 'string' },
    turns: { type: 'string', default: '20' },
    at: { type: 'string', default: '8' },
  },
})
const turns = Number(options.turns)
const concurrency = Number(options.at)
/** Long enough for the next process to be waiting again. */
const pauseMs = 900

await using anthropic = await startScriptedAnthropic()
anthropic.respond = ({ body }) => {
  anthropic.requests.length = 0
  const last = JSON.stringify(body.messages.findLast(({ role }) => role === 'user')?.content)
  return last.includes('Call it.')
    ? callsTools([{ name: 'look_up', input: { word: 'x' } }])
    : says('A short answer from the scripted model.')
}
await using folder = await temporaryFolder()
const environment = claudeEnvironment(anthropic.url)
const server = await startBuiltServer(environment, folder.path)
const print = () => claudePrint(environment, folder.path)
const scriptedMs = await ownTimeMs(anthropic.url)

type Run = (turn: number) => Promise<Sample>

/** First tokens without the scripted server's own time. */
const spread = (times: readonly number[]): Spread => spreadOf(times.map((ms) => ms - scriptedMs))

// One of each first, so that neither pays for cold files.
await print()
await server.chat()

const rows: Row[] = []

/** A row of first tokens: each turn right after one of `claude -p`, so that both meet the same machine. */
async function against(what: string, bar: number, run: Run, pauseMs = 0): Promise<void> {
  const times = { baseline: [] as number[], own: [] as number[] }
  for (let turn = 0; turn < turns; turn++) {
    times.baseline.push((await print()).firstTokenMs)
    await sleep(pauseMs)
    times.own.push((await run(turn)).firstTokenMs)
  }
  const [baseline, own] = [spread(times.baseline), spread(times.own)]
  rows.push({ what, unit: 'ms', baseline, own, ratio: own.p50 / baseline.p50, bar })
}

await against(
  'first token, a process that waits',
  0.3,
  (turn) => server.chat(withInstructions(`Be brief, ${turn}.`)),
  pauseMs,
)
for (let turn = 0; turn < 6; turn++) await server.chat()
await against('first token, a process made ready', 0.3, () => server.chat(), 50)
await against('first token, the next question', 0.1, await nextQuestions())
await against('first token, after tool results', 0.1, await toolResults())
await against(
  'first token, 20 earlier messages',
  0.75,
  (turn) => server.chat(conversation(20, turn)),
  pauseMs,
)

// As a server that has been at work for a while.
await perSecond(concurrency, 40 * concurrency, () => server.chat())
const goOn = await liveConversations()
const rates = { print: [] as number[], single: [] as number[], live: [] as number[] }
for (let round = 0; round < 3; round++) {
  rates.print.push(await perSecond(concurrency, 2 * concurrency, print))
  rates.single.push(await perSecond(concurrency, 15 * concurrency, () => server.chat()))
  rates.live.push(await perSecond(concurrency, 15 * concurrency, goOn))
}
const printRate = spreadOf(rates.print).p50
for (const [what, times, bar] of [
  [`requests a second, ${concurrency} at once`, rates.single, 8],
  [`turns a second, ${concurrency} live conversations`, rates.live, 12],
] as const) {
  const own = spreadOf(times).p50
  rows.push({ what, unit: '/s', baseline: printRate, own, ratio: own / printRate, bar })
}

const added = await addedByServer(turns * 20)
const left = await server.close()
const health = spreadOf(await startTimes(5))

console.log(
  `Claude Code ${await claudeVersion(findClaude() ?? '')}, the scripted model (${scriptedMs.toFixed(1)} ms of its own, subtracted), ${turns} turns each\n`,
)
console.log(table(rows))
console.log(
  `\nadded by the server over the same turn through the SDK: ${added.p50.toFixed(1)} ms at p50 (at most 3), ${added.p99.toFixed(1)} ms at p99 (at most 10)`,
)
console.log(
  `/health answers ${health.p50.toFixed(0)} ms (${health.least.toFixed(0)}-${health.most.toFixed(0)}) after the start of the program (at most 300)`,
)
console.log(`processes left over: ${left}`)
const figures = { turns, concurrency, scriptedMs, rows, added, health, left }
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify(figures, null, 2)}\n`)
if (options.svg !== undefined) {
  const bars = rows.filter(({ unit }) => unit === 'ms')
  const title = 'First token as a share of `claude -p` a request (p50)'
  await writeFile(options.svg, barChart(title, [{ what: 'claude -p', ratio: 1 }, ...bars]))
}

function withInstructions(text: string): ChatMessage[] {
  return [{ role: 'system', content: text }, ...question]
}

async function startTimes(count: number): Promise<number[]> {
  const times: number[] = []
  for (let start = 0; start < count; start++) times.push(await healthMs(environment, folder.path))
  return times
}

/** One conversation that goes on. */
async function nextQuestions(): Promise<Run> {
  const messages: ChatMessage[] = withInstructions('Go on and on.')
  messages.push((await server.chat(messages)).message)
  return async () => {
    messages.push(...question)
    const answer = await server.chat(messages)
    messages.push(answer.message)
    return answer
  }
}

/** An agent's loop: the model calls a function, the results bring the next call. Each turn that brings results counts. */
async function toolResults(): Promise<Run> {
  const tools = [
    { type: 'function', function: { name: 'look_up', parameters: { type: 'object' } } },
  ]
  const messages: ChatMessage[] = [{ role: 'user', content: 'Call it.' }]
  const next = async () => {
    const answer = await server.chat(messages, { tools })
    const calls = answer.message['tool_calls'] as { id: string }[]
    messages.push(
      answer.message,
      ...calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'Call it.' })),
    )
    return answer
  }
  await next()
  return next
}

/** A conversation that no process holds. */
function conversation(earlier: number, turn: number): ChatMessage[] {
  const before = Array.from({ length: earlier }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `Message ${index} of conversation ${turn}.`,
  }))
  return [{ role: 'system', content: `Remember ${turn}.` }, ...before, ...question]
}

/** So many conversations that go on at the same time. */
async function liveConversations(): Promise<(worker: number) => Promise<unknown>> {
  const conversations = Array.from({ length: concurrency }, (_, index) =>
    withInstructions(`You are in conversation ${index}.`),
  )
  const next = async (worker: number) => {
    const messages = conversations[worker] ?? []
    if (messages.at(-1)?.['role'] === 'assistant') messages.push(...question)
    messages.push((await server.chat(messages)).message)
  }
  for (let round = 0; round < 3; round++)
    await Promise.all(conversations.map((_, worker) => next(worker)))
  return next
}

/** The next question of a live conversation, through the server and straight through the SDK by turns. */
async function addedByServer(count: number): Promise<{ p50: number; p99: number }> {
  const direct = await startDirect(environment, folder.path)
  let messages: ChatMessage[] = []
  const throughServer: number[] = []
  const throughSdk: number[] = []
  for (let turn = 0; turn < count; turn++) {
    // A client sends the whole conversation; one of some length would measure that.
    if (turn % 10 === 0) {
      messages = withInstructions('Side by side.')
      messages.push((await server.chat(messages)).message, ...question)
    }
    throughSdk.push((await direct.turn('Say something short.')).firstTokenMs)
    const answer = await server.chat(messages)
    throughServer.push(answer.firstTokenMs)
    messages.push(answer.message, ...question)
  }
  direct.close()
  // The first turns of a process are slow, and the server's conversations are spread over a few.
  const [own, sdk] = [throughServer, throughSdk].map((times) => spreadOf(times.slice(-count / 2)))
  if (!own || !sdk) throw new Error('Nothing was measured.')
  return { p50: own.p50 - sdk.p50, p99: own.p99 - sdk.p99 }
}
