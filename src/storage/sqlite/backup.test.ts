import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../../test/support/claude.ts'
import { openStore } from '../open-store.ts'
import { backupEmbedded } from './backup.ts'
import { inspectEmbedded } from './inspect.ts'
import { restoreEmbedded } from './restore.ts'

it('a backup comes to its end while there are always writes', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder()
  const dataDir = join(folder.path, 'data')
  const store = await openStore({ dataDir })
  const save = (provider: string, code: string): Promise<void> =>
    store.breakers.save({ provider, state: 'open', changedMs: 1, code })
  for (let n = 0; n < 100; n++) await save(`p${n}`, 'x'.repeat(100_000))
  const writing = { isOver: false, count: 0 }
  const write = async (): Promise<void> => {
    while (!writing.isOver) await save('again', `${writing.count++}`)
  }
  const work = write()
  const copy = join(folder.path, 'copy')
  try {
    expect(await backupEmbedded(dataDir, copy)).toEqual({ files: 0, bytes: 0 })
  } finally {
    writing.isOver = true
    await work
    await store.close()
  }
  expect(writing.count).toBeGreaterThan(0)
  const other = join(folder.path, 'other')
  await restoreEmbedded(other, copy, { force: false, nowMs: 0 })
  expect(await inspectEmbedded(other)).toMatchObject({ pending: [] })
})
