/**
 * Memory and speed of large files: each size is uploaded to a server of its own and downloaded again, on the disk and, where Postgres is
 * installed, on Postgres: `npm run bench:uploads`; `--sizes 8,512` in MiB, `--json FILE`. Fails where the largest file takes more memory than
 * the smallest by more than `slack`, or comes back changed. Linux only: the kernel's own record of the peak is read.
 */
import { createHash, randomBytes } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { postgresPrograms, startTestPostgres } from '../test/support/postgres.ts'
import { startBuiltServer } from './server.ts'

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '8,512' },
    // What is read and not collected yet comes to the same for every large file, and a small one does not reach it.
    slack: { type: 'string', default: '128' },
    key: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const mebibyte = 1024 * 1024

type Row = {
  store: string
  what: 'upload' | 'download'
  mebibytes: number
  /** Before it, and the most while it ran, in MiB. */
  restMemory: number
  peakMemory: number
  perSecond: number
}

await using folder = await temporaryFolder()
await using anthropic = await startScriptedAnthropic()
await using postgres = postgresPrograms === undefined ? undefined : await startTestPostgres()
const sizes = options.sizes.split(',').map(Number)
const rows: Row[] = []
for (const mebibytes of sizes) {
  const file = await makeFile(join(folder.path, `${mebibytes}.bin`), mebibytes)
  await measure('disk', file, {})
  if (postgres) await measure('Postgres', file, { DATABASE_URL: postgres.url() })
}
if (options.json !== undefined) await writeFile(options.json, JSON.stringify(rows, undefined, 2))
const problems = problemsOf(rows)
for (const problem of problems) console.error(problem)
if (postgres === undefined) console.error('Postgres is not installed here and was left out.')
process.exitCode = problems.length === 0 ? 0 : 1

type MadeFile = { path: string; mebibytes: number; hash: string }

async function makeFile(path: string, mebibytes: number): Promise<MadeFile> {
  const handle = await open(path, 'w')
  const hash = createHash('sha256')
  for (let n = 0; n < mebibytes; n++) {
    const piece = randomBytes(mebibyte)
    hash.update(piece)
    await handle.write(piece)
  }
  await handle.close()
  return { path, mebibytes, hash: hash.digest('hex') }
}

/** A server of its own for each, so that no earlier file has widened its memory. */
async function measure(
  store: string,
  { path, mebibytes, hash }: MadeFile,
  settings: Record<string, string>,
): Promise<void> {
  const place = join(folder.path, `${store}-${mebibytes}`)
  await using server = await startBuiltServer(
    claudeEnvironment(anthropic.url, `${place}-claude`),
    folder.path,
    {
      DATA_DIR: place,
      WAITING_PROCESSES: '0',
      UPLOAD_LIMIT_MB: String(Math.max(...sizes)),
      ...(options.key && { DATA_KEY: 'a-key-for-the-bench-only' }),
      ...settings,
    },
  )
  const pid = server.child.pid ?? 0
  const uploads = `${server.url}/v1/files`
  await measured(store, 'upload', mebibytes, pid, async () => {
    const response = await fetch(uploads, { method: 'POST', body: await form(path) })
    if (!response.ok) throw new Error(`The upload failed: ${await response.text()}`)
    await response.arrayBuffer()
  })
  const listed = (await (await fetch(uploads)).json()) as { data: { id: string }[] }
  await measured(store, 'download', mebibytes, pid, async () => {
    const response = await fetch(`${uploads}/${listed.data[0]?.id}/content`)
    const back = createHash('sha256')
    for await (const piece of response.body ?? []) back.update(piece)
    if (back.digest('hex') !== hash) throw new Error(`${mebibytes} MiB came back changed.`)
  })
}

async function form(path: string): Promise<FormData> {
  const form = new FormData()
  form.set('purpose', 'user_data')
  form.set('file', await openAsBlob(path), 'large.bin')
  return form
}

async function measured(
  store: string,
  what: Row['what'],
  mebibytes: number,
  pid: number,
  work: () => Promise<void>,
): Promise<void> {
  // The kernel's record of the peak begins anew.
  await writeFile(`/proc/${pid}/clear_refs`, '5')
  const restMemory = await memory(pid, 'VmRSS')
  const begin = performance.now()
  await work()
  const perSecond = mebibytes / ((performance.now() - begin) / 1_000)
  const row = {
    store,
    what,
    mebibytes,
    restMemory,
    peakMemory: await memory(pid, 'VmHWM'),
    perSecond: Math.round(perSecond),
  }
  rows.push(row)
  console.log(
    `${store.padEnd(9)} ${what.padEnd(9)} ${String(mebibytes).padStart(5)} MiB  ` +
      `${String(row.perSecond).padStart(5)} MiB/s  memory ${restMemory} → at most ${row.peakMemory} MiB`,
  )
}

async function memory(pid: number, name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = new RegExp(String.raw`${name}:\s+(\d+)`).exec(status)?.[1]
  return Math.round(Number(kibibytes) / 1024)
}

function problemsOf(all: readonly Row[]): string[] {
  const smallest = Math.min(...sizes)
  return all.flatMap((row) => {
    const least = all.find(
      ({ store, what, mebibytes }) =>
        store === row.store && what === row.what && mebibytes === smallest,
    )
    const more = row.peakMemory - (least?.peakMemory ?? Number.NaN)
    return more <= Number(options.slack)
      ? []
      : [`${row.store}, ${row.what}: ${row.mebibytes} MiB take ${more} MiB more than ${smallest}.`]
  })
}
