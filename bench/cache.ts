/**
 * A hit of the cache beside a static answer of the HTTP framework with the same bytes, whole and streamed, in one run: `npm run bench:cache`. `--json FILE` keeps the figures.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { temporaryFolder } from '../test/support/claude.ts'
import { type Load, load } from './relay/load.ts'
import { startOwn, startServer } from './relay/processes.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1,32' },
  },
})

await using folder = await temporaryFolder()
await using upstream = await startOwn('direct', './upstream.ts')
await using plain = await startOwn('static', './static-server.ts')
await using hit = await startServer('hit', upstream.origin, folder.path, { CACHE: 'exact' })

// Both run their own compiled code from the first figure on.
for (const stream of [false, true]) {
  for (const target of [plain, hit]) await load(target, { connections: 32, stream, seconds: 4 })
}

type Row = { what: string; static: Load; hit: Load }
const rows: Row[] = []
console.log(
  `${''.padStart(18)}${['static/s', 'hit/s', 'ratio', 'static µs', 'hit µs', 'ratio'].map((title) => title.padStart(11)).join('')}`,
)
for (const stream of [false, true]) {
  for (const connections of options.connections.split(',').map(Number)) {
    for (let round = 0; round < Number(options.rounds); round++) {
      show(await compare(stream, connections))
    }
  }
}
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ options, rows }, null, 2)}\n`)

async function compare(stream: boolean, connections: number): Promise<Row> {
  const asking = { connections, stream, seconds: Number(options.seconds) }
  const row = {
    what: `${stream ? 'stream' : 'whole'}, ${connections} at once`,
    static: await load(plain, asking),
    hit: await load(hit, asking),
  }
  rows.push(row)
  return row
}

function show(row: Row): void {
  const [still, again] = [row.static, row.hit].map(({ cpuUs }) => cpuUs ?? Number.NaN) as [
    number,
    number,
  ]
  const cells = [
    row.static.perSecond.toFixed(0),
    row.hit.perSecond.toFixed(0),
    (row.hit.perSecond / row.static.perSecond).toFixed(2),
    still.toFixed(0),
    again.toFixed(0),
    (again / still).toFixed(2),
  ]
  console.log(`${row.what.padStart(18)}${cells.map((cell) => cell.padStart(11)).join('')}`)
}
