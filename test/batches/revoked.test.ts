import { expect, it } from 'vitest'
import { ownerOf } from '../../src/access/caller.ts'
import { FileBook } from '../../src/files/file-book.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { StoredBatch } from '../../src/storage/parts/batches.ts'
import { after, gate, until } from '../api/server/support.ts'
import { clientWith, makeKey, withKeys } from '../keys/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { startTestServer } from '../support/server.ts'
import { asking, begin, type BatchLine } from './support.ts'

it('a key that is revoked in the middle of its batch: the other lines fail with its 401, and the batch ends', async () => {
  await using server = await startTestServer({ MAX_TURNS: '3', BATCH_CONCURRENCY: '2' })
  const held = gate()
  server.anthropic.respond = () => after(held.opened, says('Still allowed.'))
  const { text, id: keyId } = await makeKey(server)
  const ids = Array.from({ length: 8 }, (_, index) => `r${index}`)
  const lines = ids.map((id) => asking(id))
  const { id } = await begin(clientWith(server, text), lines)
  await until('two lines run', () => server.anthropic.requests.length === 2, 30_000)
  await withKeys(server, (book) => book.revoke(keyId))
  held.open()
  // Nobody can ask for it any more but the owner of the server.
  const store = await openStore({ ...server, instance: 'command' })
  try {
    const owner = ownerOf(keyId)
    let batch: StoredBatch | undefined
    const isOver = async (): Promise<boolean> => {
      batch = await store.batches.find(owner, id)
      return batch?.status === 'completed'
    }
    await until('the batch has ended', isOver, 30_000)
    expect(batch?.counts).toEqual({ total: 8, completed: 2, failed: 6 })
    expect(server.anthropic.requests).toHaveLength(2)
    const files = new FileBook({ storage: Promise.resolve(store), limitBytes: 1e9 })
    const linesOf = async (file = ''): Promise<BatchLine[]> => {
      const pieces: Uint8Array[] = []
      for await (const piece of (await files.open(owner, file)).content) pieces.push(piece)
      const whole = Buffer.concat(pieces).toString().trimEnd().split('\n')
      return whole.map((line): BatchLine => JSON.parse(line))
    }
    const done = await linesOf(batch?.outputFile)
    const refused = await linesOf(batch?.errorFile)
    expect([...done, ...refused].map(({ custom_id: line }) => line).toSorted()).toEqual(ids)
    expect(refused).toHaveLength(6)
    for (const { response } of refused)
      expect(response).toMatchObject({
        status_code: 401,
        body: { error: { code: 'invalid_api_key' } },
      })
  } finally {
    await store.close()
  }
})
