/**
 * What one turn asks of a shared Postgres, and how many admissions of keys with limits it takes: `npm run bench:storage`. `--turns N`,
 * `--seconds N`, `--json FILE`. The server, claude and Postgres are real; the model is scripted.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import OpenAI from 'openai'
import pg from 'pg'
import { KeyBook } from '../src/access/keys.ts'
import { Limiter } from '../src/access/limits.ts'
import type { KeyLimits } from '../src/access/policy.ts'
import { openStore } from '../src/storage/open-store.ts'
import { readAddress } from '../src/storage/postgres/address.ts'
import { silentTelemetry } from '../src/telemetry/silent.ts'
import { begin, ended } from '../test/batches/support.ts'
import { startScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { startTestPostgres } from '../test/support/postgres.ts'
import { startCountingProxy } from './counting-proxy.ts'
import { startBuiltServer } from './server.ts'

const { values: options } = parseArgs({
  options: {
    turns: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
})
const turns = Number(options.turns)
const seconds = Number(options.seconds)
const idleSeconds = 10
const apiKey = 'dummy-key-of-the-benchmark'
const limits: KeyLimits = {
  requests_per_minute: 1_000_000,
  tokens_per_minute: 1_000_000_000,
  turns_at_once: 1_000,
}

await using folder = await temporaryFolder()
await using postgres = await startTestPostgres()
await using proxy = await startCountingProxy(postgres.url())
await using anthropic = await startScriptedAnthropic()
await using server = await startBuiltServer(claudeEnvironment(anthropic.url), folder.path, {
  DATABASE_URL: proxy.url,
  API_KEY: apiKey,
})
const store = await openStore({
  dataDir: join(folder.path, 'command'),
  databaseUrl: proxy.url,
  instance: 'command',
})
const keys = new KeyBook(store.keys)
const [plain, limited] = [
  await keys.create({ name: 'plain' }),
  await keys.create({ name: 'limited', policy: { limits } }),
]
await store.close()

type Row = { what: string; statements: number; writes: number; transactions: number }
const rows: Row[] = []

await sleep(3_000)
proxy.take()
await sleep(idleSeconds * 1000)
const idle = tally(proxy.take())
console.log(`A node at rest: ${(idle.statements / idleSeconds).toFixed(1)} statements a second.`)
console.log(
  `${'of one, without those of rest'.padEnd(46)}${['statements', 'writes', 'transactions'].map((title) => title.padStart(14)).join('')}`,
)
await row('turn, API_KEY', () => chats(apiKey))
await row('turn, a stored key', () => chats(plain.text))
await row('turn, a stored key with limits', () => chats(limited.text))
await row('turn of a session, API_KEY', session)
await row('turn that is not kept, API_KEY', () => chats(apiKey, { keep_session: false }))
await row('answer from the cache, API_KEY', () => chats(apiKey, { cache: 'exact' }))
await row('line of a batch, API_KEY', batch)
const most = proxy.connections()
const kept = await keptPerTurn()
console.log(
  `${most} connections were open at the end; what was said takes ${(kept / 1024).toFixed(1)} KiB a turn.`,
)
const admissions = {
  commits: await commitsPerSecond(),
  oneKey: await admissionsPerSecond(1),
  manyKeys: await admissionsPerSecond(64),
}
console.log(
  `64 at once, 10 connections: ${admissions.commits.toFixed(0)} rows committed one by one a second;`,
)
console.log(
  `admissions of keys with limits, begun and settled: ${admissions.oneKey.toFixed(0)}/s of one key, ${admissions.manyKeys.toFixed(0)}/s of 64 keys.`,
)
if (options.json !== undefined) {
  const figures = { options, idle, idleSeconds, rows, connections: most, kept, admissions }
  await writeFile(options.json, `${JSON.stringify(figures, null, 2)}\n`)
}

async function row(what: string, run: () => Promise<void>): Promise<void> {
  await run()
  await sleep(1_500)
  proxy.take()
  const began = performance.now()
  await run()
  // What is written beside the turns comes within a second.
  await sleep(1_500)
  const passed = (performance.now() - began) / 1000
  const counted = tally(proxy.take())
  const each = (kind: keyof typeof counted): number =>
    Math.max(0, counted[kind] - (idle[kind] / idleSeconds) * passed) / turns
  const figures = {
    what,
    statements: each('statements'),
    writes: each('writes'),
    transactions: each('transactions'),
  }
  rows.push(figures)
  const cells = [figures.statements, figures.writes, figures.transactions]
  console.log(what.padEnd(46) + cells.map((cell) => cell.toFixed(1).padStart(14)).join(''))
}

/** All statements that do something, those of them that write, and the transactions of several. */
function tally(texts: readonly string[]): Record<'statements' | 'writes' | 'transactions', number> {
  const verbs = texts.map((text) => /^\w+/.exec(text.trim())?.[0]?.toLowerCase() ?? '')
  const ofKind = (...wanted: string[]): number =>
    verbs.filter((verb) => wanted.includes(verb)).length
  return {
    statements: verbs.length - ofKind('begin', 'commit', 'rollback'),
    writes: ofKind('insert', 'update', 'delete'),
    transactions: ofKind('commit'),
  }
}

function clientOf(key: string): OpenAI {
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0 })
}

async function chats(key: string, claude_options: Record<string, unknown> = {}): Promise<void> {
  const client = clientOf(key)
  for (let turn = 0; turn < turns; turn++) await ask(client, claude_options)
}

async function session(): Promise<void> {
  const client = clientOf(apiKey)
  const { session_id } = await ask(client)
  for (let turn = 1; turn < turns; turn++) await ask(client, { session_id })
}

async function ask(
  client: OpenAI,
  claude_options: Record<string, unknown> = {},
): Promise<{ session_id?: string }> {
  const request = {
    model: 'sonnet',
    messages: [{ role: 'user' as const, content: 'Say something short.' }],
    claude_options,
  }
  const answer = await client.chat.completions.create(request)
  return (answer as typeof answer & { claude?: { session_id: string } }).claude ?? {}
}

async function batch(): Promise<void> {
  const client = clientOf(apiKey)
  const lines = Array.from({ length: turns }, (_, index) => ({
    custom_id: `line-${index}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'sonnet', messages: [{ role: 'user', content: `Question ${index}` }] },
  }))
  const { id } = await begin(client, lines)
  const done = await ended(client, id, 120_000)
  if (done.status !== 'completed') throw new Error(`The batch is ${done.status}.`)
}

/** Bytes of what was said, of all turns that are kept. */
async function keptPerTurn(): Promise<number> {
  const { connectionString, schema } = readAddress(proxy.url)
  const client = new pg.Client({ connectionString })
  await client.connect()
  const { rows: found } = await client.query<{ bytes: number }>(
    `select (select sum(octet_length(body)) from ${schema}.transcript)::integer / (select sum(turns) from ${schema}.session)::integer as bytes`,
  )
  await client.end()
  return found[0]?.bytes ?? Number.NaN
}

/** So many of something in the time, 64 at once. */
async function perSecond(work: (caller: number) => Promise<unknown>): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  const callers = Array.from({ length: 64 }, async (_, caller) => {
    while (performance.now() < end) {
      await work(caller)
      done += 1
    }
  })
  await Promise.all(callers)
  return done / seconds
}

/** What this Postgres does at the most here: the other figures are to be seen beside it. */
async function commitsPerSecond(): Promise<number> {
  const pool = new pg.Pool({ connectionString: postgres.url().replace(/\?.*/, ''), max: 10 })
  await pool.query('create table committed (n integer)')
  const figure = await perSecond((caller) =>
    pool.query('insert into committed values ($1)', [caller]),
  )
  await pool.end()
  return figure
}

/** What the limits of keys take, with nothing else: no server, no model. */
async function admissionsPerSecond(count: number): Promise<number> {
  const bench = await openStore({
    dataDir: join(folder.path, 'command'),
    databaseUrl: postgres.url(),
    instance: 'command',
  })
  const limiter = new Limiter({
    meters: Promise.resolve(bench.meters),
    telemetry: silentTelemetry,
  })
  const figure = await perSecond(async (caller) => {
    const bound = { tokens: 1, turns: 1, micros: 0 }
    const standing = await limiter.admit(`key-${caller % count}`, limits, bound, 1)
    standing.admitted?.finish()
  })
  await limiter.close()
  await bench.close()
  return figure
}
