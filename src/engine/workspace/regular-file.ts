import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath, stat } from 'node:fs/promises'

/** An open file and the path at which the system says it is. Whoever gets it closes the handle. */
export type OpenFile = { handle: FileHandle; path: string; bytes: number }

/**
 * Opens a file for reading and tells where what was opened truly lies, so that a link put in place at the last moment shows.
 * Undefined for what is not a regular file (a FIFO or device is never waited for) or moves while it is opened. Throws the
 * system's error when there is nothing to open.
 */
export async function openRegularFile(path: string): Promise<OpenFile | undefined> {
  const seen = await lstat(path)
  if (!seen.isFile()) return undefined
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const opened = await handle.stat()
    const where = opened.isFile() ? await whereIs(handle, path, opened) : undefined
    if (where !== undefined) return { handle, path: where, bytes: opened.size }
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  return undefined
}

/** Reads to the end; undefined as soon as there is more than the limit. The size that the system tells is not believed. */
export async function readAtMost(
  handle: FileHandle,
  limitBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let total = 0
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, limitBytes + 1 - total))
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null)
    if (bytesRead === 0) return Buffer.concat(chunks, total)
    total += bytesRead
    if (total > limitBytes) return undefined
    chunks.push(chunk.subarray(0, bytesRead))
  }
}

const chunkBytes = 256 * 1024

type Identity = { dev: number; ino: number }

async function whereIs(
  handle: FileHandle,
  path: string,
  opened: Identity,
): Promise<string | undefined> {
  try {
    return await readlink(`/proc/self/fd/${handle.fd}`)
  } catch {
    // No /proc here (macOS): what the path leads to now must be what was opened.
    const real = await realpath(path)
    const found = await stat(real)
    return found.dev === opened.dev && found.ino === opened.ino ? real : undefined
  }
}
