import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Where the debug logs of requests are that asked for one. */
export function debugFolder(dataDir: string): string {
  return join(dataDir, 'debug')
}

/** Removes the debug logs that were last written to before a time, in epoch milliseconds. Each server has its own. */
export async function cleanDebugLogs(dataDir: string, writtenBeforeMs: number): Promise<void> {
  const folder = debugFolder(dataDir)
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    if (!name.endsWith('.log')) continue
    const path = join(folder, name)
    const { mtimeMs } = await stat(path)
    if (mtimeMs < writtenBeforeMs) await rm(path, { force: true })
  }
}
