import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** Claude Code writes what a tool has answered to a file beside the transcript when it is long, and tells the model where. */
const folderName = 'tool-results'
/** A longer one is not kept: the model goes on with the beginning, which is in the transcript. */
const longestBytes = 16 * 1024 * 1024

const schema = z.object({ base64: z.string() })

/** Whether a piece of what is stored of a session is such a file. */
export function isToolResult(subpath: string): boolean {
  return subpath.startsWith(`${folderName}/`)
}

/** The files in a session's folder that are not known yet, each as a piece to store. */
export async function newToolResults(
  sessionFolder: string,
  known: ReadonlySet<string>,
): Promise<{ subpath: string; lines: string }[]> {
  const folder = join(sessionFolder, folderName)
  const names = await readdir(folder).catch(() => [])
  const found = names
    .map((name) => ({ path: join(folder, name), subpath: `${folderName}/${name}` }))
    .filter(({ subpath }) => !known.has(subpath))
  const pieces: { subpath: string; lines: string }[] = []
  for (const { path, subpath } of found) {
    const { size } = await stat(path)
    if (size > longestBytes) continue
    const base64 = (await readFile(path)).toString('base64')
    pieces.push({ subpath, lines: `${JSON.stringify({ base64 })}\n` })
  }
  return pieces
}

/** The content of a file that was stored. */
export function toolResultBytes(lines: string): Buffer {
  return Buffer.from(schema.parse(JSON.parse(lines)).base64, 'base64')
}
