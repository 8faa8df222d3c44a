import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A session that this server has run: whose it is and where it worked. */
export type SessionRecord = {
  id: string
  owner: string
  /** The real path of the working folder; Claude Code keeps transcripts by folder. */
  folder: string
  /** Milliseconds since the epoch. */
  usedAt: number
}

/** What the engine asks of the place that remembers sessions. */
export interface Sessions {
  /** The session, if it is this owner's. */
  find(id: string, owner: string): SessionRecord | undefined
  /** The owner's most recent session in a folder. */
  latest(owner: string, folder: string): SessionRecord | undefined
  record(session: SessionRecord): Promise<void>
}

/**
 * Sessions in memory and in one file of JSON lines, newest line wins; read once at the start and rewritten then, so it stays
 * bounded. Only who and where is kept: the conversation is in Claude Code's own transcript.
 */
export class SessionFile implements Sessions {
  readonly #path: string
  readonly #sessions = new Map<string, SessionRecord>()
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string) {
    this.#path = path
  }

  static async open(path: string, keep = 10_000): Promise<SessionFile> {
    const file = new SessionFile(path)
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    const records = text.split('\n').flatMap(parseLine)
    for (const record of records) file.#remember(record)
    const kept = [...file.#sessions.values()].slice(-keep)
    file.#sessions.clear()
    for (const record of kept) file.#remember(record)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    if (records.length > 0) {
      await writeFile(`${path}.new`, kept.map((record) => `${JSON.stringify(record)}\n`).join(''), {
        mode: 0o600,
      })
      await rename(`${path}.new`, path)
    }
    return file
  }

  find(id: string, owner: string): SessionRecord | undefined {
    const session = this.#sessions.get(id)
    return session?.owner === owner ? session : undefined
  }

  latest(owner: string, folder: string): SessionRecord | undefined {
    let latest: SessionRecord | undefined
    for (const session of this.#sessions.values()) {
      if (session.owner === owner && session.folder === folder) latest = session
    }
    return latest
  }

  record(session: SessionRecord): Promise<void> {
    this.#remember(session)
    const write = this.#writing.then(() =>
      appendFile(this.#path, `${JSON.stringify(session)}\n`, { mode: 0o600 }),
    )
    // A failed write must not hold up the next one; whoever asked for this one hears of it.
    this.#writing = write.catch(() => {})
    return write
  }

  /** Newest last, so the oldest is found first and the latest wins. */
  #remember(session: SessionRecord): void {
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }
}

/** A line that a crash cut short, or that is not ours, is passed over. */
function parseLine(line: string): SessionRecord[] {
  try {
    const { id, owner, folder, usedAt } = JSON.parse(line) as Partial<SessionRecord>
    const complete =
      id !== undefined && owner !== undefined && folder !== undefined && usedAt !== undefined
    return complete ? [{ id, owner, folder, usedAt }] : []
  } catch {
    return []
  }
}
