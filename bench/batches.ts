/**
 * What a line of a batch costs, and whether it costs more in a larger batch: `npm run bench:batches`. Lines go to a scripted API as a provider,
 * so that the batch itself is measured and not a model, and a few to Claude Code in front of a scripted API.
 *
 * `--lines 100,1000` and `--claude 100` say how many (`--claude 0`: none), `--postgres` keeps them in a Postgres of the run's own, `--svg FILE`
 * draws it, `--json FILE` keeps the figures. Trust the ratios of one run, and CPU more than time.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI, { toFile } from 'openai'
import { says, startScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { startTestPostgres } from '../test/support/postgres.ts'
import { batchChart } from './batch-chart.ts'
import { startOwn, startServer, type Target } from './relay/processes.ts'

const { values: options } = parseArgs({
  options: {
    lines: { type: 'string', default: '100,1000,10000,50000' },
    claude: { type: 'string', default: '100,1000' },
    concurrency: { type: 'string', default: '32' },
    postgres: { type: 'boolean', default: false },
    json: { type: 'string' },
    svg: { type: 'string' },
  },
})

type Row = {
  what: string
  lines: number
  /** From the creation of the batch to its end. */
  seconds: number
  perSecond: number
  /** Of the server's own process, for one line. */
  cpuUs: number
  /** Before the batch, the most while it ran, and the most in each tenth of its time. */
  memoryMb: { before: number; most: number; tenths: number[] }
  /** In seconds, as far as they could be seen. */
  phases: Record<string, number>
}

/** An empty value is none. */
const onlyClaudeCode = {
  CLAUDE_PATH: '',
  FALLBACK_API_NAME_1: '',
  FALLBACK_API_URL_1: '',
  PROVIDER_ORDER: '',
}

await using folder = await temporaryFolder()
const postgres = options.postgres ? await startTestPostgres() : undefined
const rows: Row[] = []
try {
  await using upstream = await startOwn('upstream', './upstream.ts')
  for (const lines of sizes(options.lines)) {
    await using server = await startServer('ours', upstream.origin, folder.path, storage())
    rows.push(await measure('a scripted provider', lines, server, 2_000))
  }
  await using anthropic = await startScriptedAnthropic()
  anthropic.respond = () => {
    anthropic.requests.length = 0
    return says('A short answer.')
  }
  for (const lines of sizes(options.claude)) {
    await using server = await startServer('ours', upstream.origin, folder.path, {
      ...claudeEnvironment(anthropic.url, folder.path),
      ...storage(),
      ...onlyClaudeCode,
      MAX_TURNS: '8',
      BATCH_CONCURRENCY: '8',
    })
    rows.push(await measure('Claude Code', lines, server, 32))
  }
} finally {
  await postgres?.close()
}
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ options, rows }, null, 2)}\n`)
if (options.svg !== undefined) {
  const bars = rows.map(({ what, lines, perSecond, memoryMb }) => ({
    what: `${lines.toLocaleString('en')} lines, ${what === 'Claude Code' ? what : 'provider'}`,
    perSecond,
    memoryMb: memoryMb.most,
  }))
  await writeFile(options.svg, batchChart('Batches by their number of lines', bars))
}

function sizes(text: string): number[] {
  return text
    .split(',')
    .map(Number)
    .filter((lines) => lines > 0)
}

function storage(): Record<string, string> {
  return {
    // As the soak does: what is measured is what is held, not what has not been collected yet.
    NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=4',
    MAX_TURNS: String(Number(options.concurrency) + 8),
    BATCH_CONCURRENCY: options.concurrency,
    ...(postgres && { DATABASE_URL: postgres.url() }),
  }
}

/** One batch on a server of its own, which has had a small one before. */
async function measure(what: string, lines: number, server: Target, warm: number): Promise<Row> {
  const client = new OpenAI({ baseURL: `${server.origin}/v1`, apiKey: 'unused' })
  await run(client, warm)
  const before = server.memoryMb() ?? Number.NaN
  const cpuBefore = server.cpuMs() ?? Number.NaN
  const samples: number[] = []
  const sampling = setInterval(() => samples.push(server.memoryMb() ?? 0), 50)
  const { seconds, phases } = await run(client, lines)
  clearInterval(sampling)
  const most = Math.max(before, ...samples)
  const tenth = Math.ceil(samples.length / 10)
  const tenths = Array.from({ length: 10 }, (_, at) =>
    Math.max(0, ...samples.slice(at * tenth, (at + 1) * tenth)),
  )
  const cpuUs = (((server.cpuMs() ?? Number.NaN) - cpuBefore) * 1_000) / lines
  const row: Row = {
    what,
    lines,
    seconds,
    perSecond: lines / seconds,
    cpuUs,
    memoryMb: { before, most, tenths },
    phases,
  }
  const shownPhases = Object.entries(phases).map(([name, took]) => `${name} ${took.toFixed(1)} s`)
  console.log(
    `${String(lines).padStart(6)} lines, ${what}: ${row.perSecond.toFixed(1)} lines/s, ${cpuUs.toFixed(0)} µs CPU a line, ` +
      `memory ${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB at most (${shownPhases.join(', ')})`,
  )
  return row
}

/** Uploads a batch, and waits for its end. */
async function run(
  client: OpenAI,
  lines: number,
): Promise<{ seconds: number; phases: Record<string, number> }> {
  const text = Array.from({ length: lines }, (_, n) => `${JSON.stringify(line(n))}\n`).join('')
  const file = await client.files.create({
    file: await toFile(Buffer.from(text), 'lines.jsonl'),
    purpose: 'batch',
  })
  const begin = performance.now()
  const { id } = await client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  })
  const phases: Record<string, number> = {}
  let [status, since] = ['validating', begin]
  for (;;) {
    await sleep(lines < 1_000 ? 20 : 100)
    const batch = await client.batches.retrieve(id)
    const now = performance.now()
    if (batch.status === status) continue
    phases[status] = (now - since) / 1_000
    ;[status, since] = [batch.status, now]
    if (batch.status === 'completed') {
      const { completed, total } = batch.request_counts ?? {}
      if (completed !== lines || total !== lines)
        throw new Error(`Of ${lines} lines ${completed} were answered.`)
      return { seconds: (now - begin) / 1_000, phases }
    }
    if (batch.completed_at || ['failed', 'expired', 'cancelled'].includes(batch.status))
      throw new Error(`The batch is ${batch.status}: ${JSON.stringify(batch.errors)}`)
  }
}

function line(n: number): Record<string, unknown> {
  return {
    custom_id: `line-${n}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: {
      model: 'claude-code',
      messages: [{ role: 'user', content: `Question number ${n}: what is there to say?` }],
    },
  }
}
