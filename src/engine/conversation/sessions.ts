import { readFile, rename } from 'node:fs/promises'
import type { Leases } from '../../storage/parts/leases.ts'
import type { TranscriptPiece, Transcripts } from '../../storage/parts/transcripts.ts'
import { TurnError } from '../../turn/error.ts'

export type { Leases, TranscriptPiece, Transcripts }

/** A session that this server has run: whose it is and where it worked. Times are milliseconds since the epoch. */
export type SessionRecord = {
  id: string
  owner: string
  /** The real path of the working folder; Claude Code keeps transcripts by folder. */
  folder: string
  usedMs: number
}

/** A session that a turn is in; `model`: what was asked. */
export type UsedSession = SessionRecord & { model?: string }

/**
 * What is known of a session; `turns`: how many it has had; `openCalls`: the calls its last answer left open, absent where its
 * transcript must tell.
 */
export type KnownSession = SessionRecord & { turns: number; openCalls?: string[] }

/** What the engine asks of the place that remembers sessions. While it cannot be used, everything throws `storage_unavailable`. */
export interface Sessions {
  /** The session, if it is this owner's. */
  find(id: string, owner: string): Promise<KnownSession | undefined>
  /** The owner's most recent session in a folder. */
  latest(owner: string, folder: string): Promise<KnownSession | undefined>
  /** Notes that a turn has begun, and with `openCalls` how it ended; returns how many there have been. */
  use(session: UsedSession & { openCalls?: readonly string[] }): Promise<number>
  setOpenCalls(id: string, owner: string, ids: readonly string[]): Promise<void>
  remove(id: string, owner: string): Promise<boolean>
  /** Takes over sessions that it does not know, 500 at the most. */
  adopt(sessions: readonly SessionRecord[]): Promise<void>
}

const stepSize = 500

/**
 * Takes over the file in which sessions were kept before there was a store, once: it is renamed then. Throws `storage_unavailable`
 * while the store cannot be used; the file stays for the next start.
 */
export async function adoptSessionFile(path: string, sessions: Sessions): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return
  // The newest line of a session wins.
  const records = new Map(text.split('\n').flatMap(parseLine))
  const all = [...records.values()]
  for (let start = 0; start < all.length; start += stepSize)
    await sessions.adopt(all.slice(start, start + stepSize))
  await rename(path, `${path}.taken-over`)
}

/** A line that a crash cut short, or that is not ours, is passed over. */
function parseLine(line: string): [string, SessionRecord][] {
  try {
    const { id, owner, folder, usedAt } = JSON.parse(line) as Record<string, unknown>
    const isComplete =
      typeof id === 'string' &&
      typeof owner === 'string' &&
      typeof folder === 'string' &&
      typeof usedAt === 'number'
    return isComplete ? [[id, { id, owner, folder, usedMs: usedAt }]] : []
  } catch {
    return []
  }
}

/** Turns are answered without the store; whoever asks for a session is told. */
export function isStorageAway(error: unknown): boolean {
  return error instanceof TurnError && error.code === 'storage_unavailable'
}
