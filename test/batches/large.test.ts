import { createReadStream, existsSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startBuiltServer } from '../api/server/built-server.ts'
import { until } from '../api/server/support.ts'
import { startScriptedOpenAI } from '../scripted-openai/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { asking, ended } from './support.ts'

const count = 50_000
const characters = 4_000
/** The server takes about 120 MiB without requests; the input alone is 200 MB. */
const mostMebibytes = 280

/** The most that a process has ever had in memory, in MiB. */
async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024
}

it.skipIf(!existsSync('/proc/self/status'))(
  '50,000 lines of 4 kB take little memory: to read, to answer some, and to write down the others (needs /proc)',
  { timeout: 300_000 },
  async () => {
    await using folder = await temporaryFolder()
    await using vendor = await startScriptedOpenAI()
    await using server = await startBuiltServer({
      FALLBACK_API_NAME_1: 'vendor',
      FALLBACK_API_URL_1: `${vendor.url}/v1`,
      PROVIDER_ORDER: 'vendor',
      NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=4',
    })
    const path = join(folder.path, 'lines.jsonl')
    const handle = await open(path, 'w')
    const text = 'x'.repeat(characters)
    for (let at = 0; at < count; at += 500) {
      const some = Array.from({ length: 500 }, (_, n) => JSON.stringify(asking(`l${at + n}`, text)))
      await handle.write(`${some.join('\n')}\n`)
    }
    await handle.close()
    const { client } = server
    const file = await client.files.create({ file: createReadStream(path), purpose: 'batch' })
    const { id } = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    })
    const inProgress = async (): Promise<boolean> =>
      (await client.batches.retrieve(id)).request_counts?.total === count
    await until('it is in progress', inProgress, 120_000)
    await client.batches.cancel(id)
    const done = await ended(client, id, 120_000)
    expect(done.status).toBe('cancelled')
    const { completed = 0 } = done.request_counts ?? {}
    const numbers = new Set<string>()
    let last = ''
    const error = await client.files.content(done.error_file_id ?? '')
    for await (const piece of error.body ?? []) {
      const lines = `${last}${Buffer.from(piece as Uint8Array).toString()}`.split('\n')
      last = lines.pop() ?? ''
      for (const line of lines) numbers.add(/"custom_id":"(l\d+)"/.exec(line)?.[1] ?? line)
    }
    expect(numbers.size + completed).toBe(count)
    expect(await peakOf(server.child.pid)).toBeLessThan(mostMebibytes)
  },
)
