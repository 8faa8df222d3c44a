/**
 * A hit of the cache beside a static answer of the HTTP framework, in one run: `npm run bench:cache`. `--json FILE` keeps the figures.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { temporaryFolder } from '../test/support/claude.ts'
import { type Load, load } from './relay/load.ts'
import { startOwn, startServer, type Target } from './relay/processes.ts'

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
for (const target of [plain, hit]) {
  await load(target, { connections: 32, stream: false, seconds: 4 })
}

type Row = { connections: number; static: Load; hit: Load }
const rows: Row[] = []
console.log(
  `${'at once'.padStart(8)}${['static/s', 'hit/s', 'ratio', 'static µs', 'hit µs', 'ratio'].map((title) => title.padStart(11)).join('')}`,
)
for (const connections of options.connections.split(',').map(Number)) {
  for (let round = 0; round < Number(options.rounds); round++) {
    const row = {
      connections,
      static: await measure(plain, connections),
      hit: await measure(hit, connections),
    }
    rows.push(row)
    const cells = [
      row.static.perSecond.toFixed(0),
      row.hit.perSecond.toFixed(0),
      (row.hit.perSecond / row.static.perSecond).toFixed(2),
      (row.static.cpuUs ?? Number.NaN).toFixed(0),
      (row.hit.cpuUs ?? Number.NaN).toFixed(0),
      ((row.hit.cpuUs ?? Number.NaN) / (row.static.cpuUs ?? Number.NaN)).toFixed(2),
    ]
    console.log(
      `${String(connections).padStart(8)}${cells.map((cell) => cell.padStart(11)).join('')}`,
    )
  }
}
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ options, rows }, null, 2)}\n`)

function measure(target: Target, connections: number): Promise<Load> {
  return load(target, { connections, stream: false, seconds: Number(options.seconds) })
}
