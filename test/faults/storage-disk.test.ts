import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openStore, type StoreOptions } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { ask } from '../api/server/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { startTestServer } from '../support/server.ts'
import { canMount, fill, mount, unmount } from '../support/small-disk.ts'
import { eventually, models } from './support.ts'

const breaker = (provider: string) => ({ provider, state: 'open', changedMs: 1 }) as const

async function providersIn(store: Store): Promise<string[]> {
  return (await store.breakers.load()).map(({ provider }) => provider)
}

/** Writes until the disk is full, also within the files that SQLite has already. */
async function writeUntilFull(store: Store): Promise<unknown> {
  for (let count = 0; ; count++) {
    try {
      await store.breakers.save({ ...breaker(`p${count}`), code: 'x'.repeat(20_000) })
    } catch (error) {
      return error
    }
  }
}

describe.skipIf(!canMount)('a store on a disk that is full (needs root and mount)', () => {
  it(
    'says so, still reads, loses nothing, and writes again when there is room',
    { timeout: 60_000 },
    async () => {
      await using folder = await temporaryFolder()
      mount(folder.path)
      try {
        const dataDir = join(folder.path, 'data')
        await mkdir(dataDir)
        const options: StoreOptions = { dataDir }
        const store = await openStore(options)
        await store.breakers.save(breaker('first'))
        await fill(folder.path)
        const error = await writeUntilFull(store)
        expect(error).toMatchObject({
          code: 'storage_unavailable',
          message: expect.stringContaining('the disk is full'),
        })
        const before = await providersIn(store)
        expect(before).toContain('first')
        expect(store.health().ok).toBe(false)
        await rm(join(folder.path, 'filler'))
        await eventually('it is well again', () => store.health().ok)
        await store.breakers.save(breaker('last'))
        await store.close()
        const again = await openStore(options)
        expect(await providersIn(again)).toEqual([...before, 'last'])
        await again.close()
      } finally {
        unmount(folder.path)
      }
    },
  )

  it('keeps no server from starting, nor from answering', { timeout: 60_000 }, async () => {
    await using folder = await temporaryFolder()
    mount(folder.path)
    try {
      const dataDir = join(folder.path, 'data')
      await mkdir(dataDir)
      await fill(folder.path)
      await using server = await startTestServer({ DATA_DIR: dataDir })
      models(server, says('All the same.'))
      expect((await ask(server.client)).text).toBe('All the same.')
      const storage = async (): Promise<{ ok: boolean; reason?: string }> => {
        const ready = (await (await fetch(`${server.url}/ready`)).json()) as {
          storage: { ok: boolean }
        }
        return ready.storage
      }
      expect(await storage()).toMatchObject({ ok: false })
      await rm(join(folder.path, 'filler'))
      await eventually('it is well again', async () => (await storage()).ok)
    } finally {
      unmount(folder.path)
    }
  })
})
