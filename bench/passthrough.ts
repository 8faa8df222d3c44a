/**
 * What it costs to relay an answer of another API: this server, the API itself, the barest relay there is and Portkey's gateway from npm, side
 * by side in one run: `npm run bench:passthrough`. `--json FILE` keeps the figures. Trust the ratios, and CPU more than time.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { temporaryFolder } from '../test/support/claude.ts'
import { type Load, load } from './relay/load.ts'
import { startOwn, startPortkey, startServer } from './relay/processes.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1,32,128' },
    warm: { type: 'string', default: '4' },
    only: { type: 'string', default: 'direct,bare,ours,portkey' },
  },
})
const names = options.only.split(',')

await using folder = await temporaryFolder()
await using upstream = await startOwn('direct', './upstream.ts')
await using bare = await startOwn('bare', './bare-relay.ts', upstream.origin)
await using ours = await startServer('ours', upstream.origin, folder.path)
await using portkey = names.includes('portkey') ? await startPortkey(upstream.origin) : bare
const targets = [upstream, bare, ours, portkey].filter(({ name }) => names.includes(name))

// Every target runs its own compiled code from the first figure on.
for (const target of targets) {
  for (const stream of [false, true]) {
    await load(target, { stream, connections: 32, seconds: Number(options.warm) })
  }
}

type Row = { what: string; loads: Record<string, Load> }
const rows: Row[] = []
const memoryBefore = ours.memoryMb()
for (const stream of [false, true]) {
  for (const connections of options.connections.split(',').map(Number)) {
    rows.push(await compare(stream, connections))
  }
}

/** Each target in turn, several times over, so that a busy moment of the machine meets all of them; the middle one counts. */
async function compare(stream: boolean, connections: number): Promise<Row> {
  const seen = new Map<string, Load[]>()
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const target of targets) {
      const one = await load(target, { stream, connections, seconds: Number(options.seconds) })
      seen.set(target.name, [...(seen.get(target.name) ?? []), one])
    }
  }
  const loads = Object.fromEntries([...seen].map(([name, all]) => [name, middle(all)]))
  const row = { what: `${stream ? 'stream' : 'plain'}, ${connections} at once`, loads }
  show(row)
  return row
}

function middle(loads: readonly Load[]): Load {
  const of = (field: (load: Load) => number): number =>
    loads.map(field).toSorted((a, b) => a - b)[Math.floor(loads.length / 2)] ?? Number.NaN
  const cpuUs = of(({ cpuUs }) => cpuUs ?? Number.NaN)
  return {
    requests: of(({ requests }) => requests),
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    cpuUs: Number.isNaN(cpuUs) ? undefined : cpuUs,
  }
}

function show({ what, loads }: Row): void {
  const { direct, bare: floor, ours: own, portkey: other } = loads
  console.log(`\n${what}`)
  console.log(
    `${''.padEnd(10)}${['requests/s', 'p50 ms', 'added p50', 'p99 ms', 'added p99', 'CPU µs', '× bare'].map((title) => title.padStart(11)).join('')}`,
  )
  for (const [name, one] of Object.entries(loads)) {
    const cells = [
      one.perSecond,
      one.p50,
      one.p50 - (direct?.p50 ?? Number.NaN),
      one.p99,
      one.p99 - (direct?.p99 ?? Number.NaN),
      one.cpuUs ?? Number.NaN,
      (one.cpuUs ?? Number.NaN) / (floor?.cpuUs ?? Number.NaN),
    ]
    console.log(
      `${name.padEnd(10)}${cells.map((cell, index) => cell.toFixed(index === 0 || index === 5 ? 0 : 2).padStart(11)).join('')}`,
    )
  }
  if (!own || !other || !direct) return
  const added = (field: 'p50' | 'p99'): string =>
    ((own[field] - direct[field]) / (other[field] - direct[field])).toFixed(2)
  console.log(
    `ours to portkey: ${(own.perSecond / other.perSecond).toFixed(2)} × requests/s, ${added('p50')} × added p50, ${added('p99')} × added p99`,
  )
}

const memory = { beforeMb: memoryBefore, afterMb: ours.memoryMb() }
console.log(
  `\nmemory of ours: ${memory.beforeMb?.toFixed(0) ?? '?'} MB before, ${memory.afterMb?.toFixed(0) ?? '?'} MB after`,
)
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ options, rows, memory }, null, 2)}\n`)
