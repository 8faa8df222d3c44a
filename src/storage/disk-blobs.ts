import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { unavailable } from './failures.ts'
import type { Blobs } from './parts/files.ts'
import type { Sealer } from './sealer.ts'

/** Before each piece stands its length, so that a piece that is encrypted can be told from the next. */
const lengthBytes = 4

/** Where the blobs of a `DATA_DIR` are. */
export function blobFolder(dataDir: string): string {
  return join(dataDir, 'files')
}

/** Blobs as files of a folder, each piece encrypted where there is a key. */
export function createDiskBlobs(folder: string, sealer: Sealer): Blobs {
  const pathOf = (id: string): string => join(folder, id)
  return {
    async write(id, pieces) {
      const path = pathOf(id)
      const partial = `${path}.partial`
      await mkdir(folder, { recursive: true, mode: 0o700 }).catch(failed)
      const handle = await open(partial, 'w', 0o600).catch(failed)
      try {
        let n = 0
        for await (const piece of pieces) {
          const sealed = sealer.sealBytes(piece, aboutPiece(id, n++))
          const length = Buffer.alloc(lengthBytes)
          length.writeUInt32BE(sealed.length)
          await handle.writev([length, sealed]).catch(failed)
        }
        await handle.sync().catch(failed)
        await handle.close()
        await rename(partial, path).catch(failed)
        await syncFolder(dirname(path))
      } catch (error) {
        await handle.close().catch(() => {})
        await rm(partial, { force: true })
        throw error
      }
    },
    async *read(id) {
      let n = 0
      for await (const piece of framesOf(createReadStream(pathOf(id)))) {
        yield sealer.openBytes(piece, aboutPiece(id, n++))
      }
    },
    async piece(id, n) {
      const handle = await open(pathOf(id), 'r').catch(failed)
      try {
        const sealed = await frameAt(handle, n)
        return sealed && sealer.openBytes(sealed, aboutPiece(id, n))
      } finally {
        await handle.close()
      }
    },
    async remove(id) {
      await rm(pathOf(id), { force: true }).catch(failed)
      await rm(`${pathOf(id)}.partial`, { force: true }).catch(failed)
    },
  }
}

/** What a piece of a blob is sealed for. */
export function aboutPiece(id: string, n: number): string {
  return `file ${id} ${n}`
}

/** All frames but the last are as long as the first. */
async function frameAt(handle: FileHandle, n: number): Promise<Uint8Array | undefined> {
  const lengthAt = async (position: number): Promise<number | undefined> => {
    const length = Buffer.alloc(lengthBytes)
    const { bytesRead } = await handle.read(length, 0, lengthBytes, position).catch(failed)
    return bytesRead < lengthBytes ? undefined : length.readUInt32BE()
  }
  const first = await lengthAt(0)
  if (first === undefined) return undefined
  const at = n * (lengthBytes + first)
  const length = await lengthAt(at)
  if (length === undefined) return undefined
  const frame = Buffer.alloc(length)
  const { bytesRead } = await handle.read(frame, 0, length, at + lengthBytes).catch(failed)
  if (bytesRead < length) throw unavailable('the content of a file is cut off.')
  return frame
}

async function* framesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  let waiting: Buffer[] = []
  let size = 0
  try {
    for await (const some of bytes) {
      waiting.push(some)
      size += some.length
      for (;;) {
        if (size < lengthBytes) break
        if ((waiting[0]?.length ?? 0) < lengthBytes) waiting = [Buffer.concat(waiting)]
        const wanted = lengthBytes + (waiting[0]?.readUInt32BE() ?? 0)
        if (size < wanted) break
        const all = Buffer.concat(waiting)
        yield all.subarray(lengthBytes, wanted)
        waiting = [all.subarray(wanted)]
        size -= wanted
      }
    }
  } catch (error) {
    throw unavailable('the content of a file cannot be read.', error)
  }
  if (size > 0) throw unavailable('the content of a file is cut off.')
}

async function syncFolder(path: string): Promise<void> {
  const handle: FileHandle = await open(path, 'r').catch(failed)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What the disk does is the storage's failure. */
function failed(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  const reason =
    code === 'ENOSPC'
      ? 'the disk is full; free some space on the disk that holds DATA_DIR.'
      : `a file cannot be written or read (${code}).`
  throw unavailable(reason, error)
}
