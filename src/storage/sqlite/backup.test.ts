import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { build } from '../../../test/api/server/built-server.ts'
import { temporaryFolder } from '../../../test/support/claude.ts'
import { openStore } from '../open-store.ts'
import { backupEmbedded } from './backup.ts'
import { inspectEmbedded } from './inspect.ts'
import { restoreEmbedded } from './restore.ts'

const writer = fileURLToPath(new URL('../../../test/faults/storage-writer.js', import.meta.url))

it('a backup comes to its end while a server always writes', { timeout: 120_000 }, async () => {
  await build()
  await using folder = await temporaryFolder()
  const dataDir = join(folder.path, 'data')
  const store = await openStore({ dataDir })
  const change = { state: 'open', changedMs: 1, code: 'x'.repeat(200_000) } as const
  for (let n = 0; n < 400; n++) await store.breakers.save({ ...change, provider: `p${n}` })
  await store.close()
  const args = [writer, JSON.stringify({ dataDir })]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const copy = join(folder.path, 'copy')
  try {
    await once(child.stdout, 'data')
    expect(await backupEmbedded(dataDir, copy)).toEqual({ files: 0, bytes: 0 })
    expect(child.exitCode).toBe(null)
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const other = join(folder.path, 'other')
  await restoreEmbedded(other, copy, { force: false, nowMs: 0 })
  expect(await inspectEmbedded(other)).toMatchObject({ pending: [] })
})
