import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../../test/support/claude.ts'
import { openStore } from '../../storage/open-store.ts'
import { adoptSessionFile } from './sessions.ts'

const line = (id: string, usedAt: number, more = {}): string =>
  `${JSON.stringify({ id, owner: 'ann', folder: '/work', usedAt, ...more })}\n`

it('takes over the file of an older version once, the newest line of each session', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'sessions.jsonl')
  await writeFile(path, `${line('a', 1)}${line('b', 2)}${line('a', 3)}{"id":"c","own`)
  const store = await openStore({ dataDir: folder.path })
  await adoptSessionFile(path, store.sessions)
  expect(await store.sessions.find('a', 'ann')).toMatchObject({ folder: '/work', usedMs: 3 })
  expect((await store.sessions.list('ann', { limit: 9 })).map(({ id }) => id)).toEqual(['a', 'b'])
  await expect(access(path)).rejects.toThrow('ENOENT')
  await adoptSessionFile(path, store.sessions)
  await store.close()
})

it('leaves the file while the store cannot be used', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'sessions.jsonl')
  await writeFile(path, line('a', 1))
  const store = await openStore({ dataDir: folder.path })
  await store.close()
  await expect(adoptSessionFile(path, store.sessions)).rejects.toMatchObject({
    code: 'storage_unavailable',
  })
  await access(path)
})
