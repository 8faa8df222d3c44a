/**
 * This server against `claude -p` a request, side by side in one run, on the real binary and a scripted Anthropic server on
 * loopback. Prints a table; `--json FILE` keeps the figures. Trust the ratios, not the milliseconds.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { says, startScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { claudeVersion, findClaude } from '../src/engine/binary.ts'
import { claudePrint } from './claude-print.ts'
import { type Measurement, measureInTurn, measureThroughput } from './measure.ts'
import { startBuiltServer } from './server.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    turns: { type: 'string', default: '15' },
    at: { type: 'string', default: '4' },
  },
})
const turns = Number(options.turns)
const concurrency = Number(options.at)

await using anthropic = await startScriptedAnthropic()
anthropic.respond = () => says('A short answer from the scripted model.')
await using folder = await temporaryFolder()
const environment = claudeEnvironment(anthropic.url)
await using server = await startBuiltServer(environment, folder.path)

const print = () => claudePrint(environment, folder.path)
const chat = () => server.chat()

// One of each first, so that neither pays for cold files.
await print()
await chat()
const rows: Row[] = [
  {
    what: 'first token, one at a time, p50 (ms)',
    ...pair(
      await measureInTurn(turns, print),
      await measureInTurn(turns, chat, 700),
      (m) => m.firstTokenMs.p50,
    ),
  },
]
const baseline = await measureThroughput(concurrency, turns, print)
const ours = await measureThroughput(concurrency, turns, chat)
rows.push(
  {
    what: `first token, ${concurrency} at once, p50 (ms)`,
    ...pair(baseline, ours, (m) => m.firstTokenMs.p50),
  },
  {
    what: `requests a second, ${concurrency} at once`,
    ...pair(baseline, ours, (m) => m.perSecond),
  },
)

console.log(
  `Claude Code ${await claudeVersion(findClaude() ?? '')}, the scripted model, ${turns} turns each\n`,
)
console.log(
  `${'what'.padEnd(40)}${'claude -p'.padStart(12)}${'this server'.padStart(14)}${'ratio'.padStart(8)}`,
)
for (const { what, baseline: theirs, server: own, ratio } of rows) {
  console.log(
    `${what.padEnd(40)}${theirs.toFixed(1).padStart(12)}${own.toFixed(1).padStart(14)}${ratio.toFixed(2).padStart(8)}`,
  )
}
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ turns, concurrency, rows }, null, 2)}\n`)

type Row = { what: string; baseline: number; server: number; ratio: number }

function pair(
  baseline: Measurement,
  server: Measurement,
  of: (m: Measurement) => number,
): Omit<Row, 'what'> {
  return { baseline: of(baseline), server: of(server), ratio: of(server) / of(baseline) }
}
