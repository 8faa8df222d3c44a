import type { Database } from './database.ts'
import { aboutPiece } from './disk-blobs.ts'
import type { Blobs } from './parts/files.ts'
import type { Sealer } from './sealer.ts'

/** Blobs as rows of a Postgres, a row a piece, for nodes that share nothing else. */
export function createRowBlobs(database: Database, sealer: Sealer): Blobs {
  const remove = (id: string): Promise<void> =>
    database.write(async (queries) => {
      await queries.deleteFrom('file_chunk').where('file', '=', id).execute()
    })
  const piece = async (id: string, n: number): Promise<Uint8Array | undefined> => {
    const row = await database.read((queries) =>
      queries
        .selectFrom('file_chunk')
        .select('body')
        .where('file', '=', id)
        .where('n', '=', n)
        .executeTakeFirst(),
    )
    return row && sealer.openBytes(row.body, aboutPiece(id, n))
  }
  return {
    async write(id, pieces) {
      try {
        let n = 0
        for await (const piece of pieces) {
          const row = { file: id, n, body: Buffer.from(sealer.sealBytes(piece, aboutPiece(id, n))) }
          await database.write(async (queries) => {
            await queries.insertInto('file_chunk').values(row).execute()
          })
          n += 1
        }
      } catch (error) {
        await remove(id).catch(() => {})
        throw error
      }
    },
    async *read(id) {
      for (let n = 0; ; n++) {
        const found = await piece(id, n)
        if (found === undefined) return
        yield found
      }
    },
    piece,
    remove,
  }
}
