import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type Local, Mirror } from './mirror.ts'
import { isStorageAway, type TranscriptPiece, type Transcripts } from './sessions.ts'
import type { Hold } from './session-holds.ts'
import { isToolResult, newToolResults, toolResultBytes } from './tool-results.ts'

export type TranscriptKeeperOptions = {
  /** Claude Code's own folder. */
  claudeDir: string
  /** The server's own folder. */
  dataDir: string
  transcripts: Transcripts
  onFault: (error: unknown) => void
}

/**
 * Where transcripts are: in the storage for good, and in Claude Code's folder only while a process writes to them. A note in the server's
 * own folder tells of each file there, so that what a crash has left is taken in and removed at the next start.
 */
export class TranscriptKeeper {
  readonly #options: TranscriptKeeperOptions
  /** Which process writes to a session's file. */
  readonly #writers = new Map<string, Mirror>()
  /** Of sessions that were restored and whose process has not begun yet. */
  readonly #results = new Map<string, Set<string>>()

  constructor(options: TranscriptKeeperOptions) {
    this.#options = options
  }

  mirror(isKept: boolean): Mirror {
    return new Mirror(this, isKept)
  }

  /**
   * Puts a session's transcript into Claude Code's folder, for a process that resumes it. A file that is there already is left alone where
   * it has all that is stored, and what it has beyond that is stored. Throws `storage_unavailable`.
   */
  async restore(session: string, project: string): Promise<void> {
    const writer = this.#writers.get(session)
    if (writer && !writer.isEnding) return
    await writer?.done
    const pieces = await this.#options.transcripts.load(session)
    const place = pieces[0]?.project ?? project
    const path = this.#path(place, session)
    const file = await readText(path)
    if (file !== undefined && holdsAll(file, pieces)) {
      await this.#addMissing(session, { project: place, pieces, file })
      return
    }
    const folder = this.#folder(place, session)
    const texts = new Map<string, string>()
    for (const { subpath, lines } of pieces) {
      if (isToolResult(subpath)) await writeWhole(join(folder, subpath), toolResultBytes(lines))
      else texts.set(subpath, (texts.get(subpath) ?? '') + lines)
    }
    for (const [subpath, text] of texts)
      await writeWhole(subpath === '' ? path : join(folder, `${subpath}.jsonl`), text)
    const results = pieces.flatMap(({ subpath }) => (isToolResult(subpath) ? [subpath] : []))
    this.#results.set(session, new Set(results))
  }

  /** Which long results of tools were stored when the session was restored. */
  storedResults(session: string): Set<string> {
    const results = this.#results.get(session) ?? new Set()
    this.#results.delete(session)
    return results
  }

  /** Stores the long results of tools that are not stored yet. */
  async keepResults(session: string, { project, results }: Local): Promise<void> {
    try {
      for (const piece of await newToolResults(this.#folder(project, session), results)) {
        await this.#options.transcripts.append(session, { project, ...piece })
        results.add(piece.subpath)
      }
    } catch (error) {
      // They are asked for again at the end of the process, or are gone: the transcript has their beginnings.
      if (!isStorageAway(error)) this.#options.onFault(error)
    }
  }

  /** Adds to what is stored of a session that no process writes to; where that cannot be done now, its file tells later. */
  async add(session: string, piece: TranscriptPiece, local?: Local): Promise<void> {
    try {
      await this.#options.transcripts.append(session, piece)
    } catch (error) {
      if (local) local.isBehind = true
      if (!isStorageAway(error)) this.#options.onFault(error)
    }
  }

  /** Stores what only the file has. */
  async catchUp(session: string, local: Local): Promise<void> {
    const { project } = local
    try {
      const file = await readText(this.#path(project, session))
      const pieces = await this.#options.transcripts.load(session)
      if (file !== undefined) await this.#addMissing(session, { project, pieces, file })
      local.isBehind = false
    } catch (error) {
      if (!isStorageAway(error)) this.#options.onFault(error)
    }
  }

  /** Removes everything of a session, which no process may be writing to. */
  async forget(session: string, project: string): Promise<void> {
    await this.#writers.get(session)?.done
    await this.#options.transcripts.remove(session)
    await this.#removeFiles(session, project)
  }

  /** A process writes to a session's file, as soon as it runs. Resolves when that is noted. */
  async isWritten(session: string, project: string, mirror: Mirror): Promise<void> {
    this.#writers.set(session, mirror)
    const { isKept, pid } = mirror
    // It has not started yet.
    if (pid === undefined) return
    const note: Note = { project, isKept, pid }
    // Without it a crash would leave the file, no more.
    await writeWhole(this.#notePath(session), JSON.stringify(note)).catch(() => {})
  }

  /** The process writes to it no more. A file that has more than could be stored stays. */
  async leave(session: string, local: Local, mirror: Mirror): Promise<void> {
    if (mirror.isKept && local.isUsed) await this.keepResults(session, local)
    if (mirror.isKept && local.isBehind) await this.catchUp(session, local)
    const isSafe = !mirror.isKept || !local.isBehind
    if (isSafe) await this.#removeFiles(session, local.project)
    if (this.#writers.get(session) === mirror) this.#writers.delete(session)
  }

  /** Takes in and removes what processes of an earlier run have left. `take`: holds a session, if nobody does. */
  async recover(take: (session: string) => Hold | undefined): Promise<void> {
    const names = await readdir(this.#notes).catch(() => [])
    const recovering = names.map(async (session) => {
      const hold = take(session)
      try {
        if (hold && !this.#writers.has(session)) await this.#recoverOne(session)
      } catch (error) {
        if (!isStorageAway(error)) this.#options.onFault(error)
      } finally {
        hold?.release()
      }
    })
    await Promise.all(recovering)
  }

  async #recoverOne(session: string): Promise<void> {
    const text = await readText(this.#notePath(session))
    const note = text === undefined ? undefined : parseNote(text)
    if (note === undefined) return
    const { project, pid } = note
    await untilEnded(pid)
    // One of which nothing is stored had no turn that was told, or has been removed since.
    const pieces = note.isKept ? await this.#options.transcripts.load(session) : []
    const isKept = pieces.length > 0
    const results = new Set(pieces.map(({ subpath }) => subpath))
    const noted = Promise.resolve()
    const local: Local = { project, isUsed: true, isBehind: isKept, early: [], results, noted }
    if (isKept) {
      await this.keepResults(session, local)
      await this.catchUp(session, local)
    }
    if (!local.isBehind) await this.#removeFiles(session, project)
  }

  async #addMissing(
    session: string,
    found: { project: string; pieces: readonly TranscriptPiece[]; file: string },
  ): Promise<void> {
    const { project, pieces, file } = found
    const stored = new Set(pieces.flatMap(({ lines }) => linesOf(lines).flatMap(uuidOf)))
    const missing = linesOf(file).filter((line) => uuidOf(line).some((uuid) => !stored.has(uuid)))
    if (missing.length === 0) return
    const lines = missing.map((line) => `${line}\n`).join('')
    await this.#options.transcripts.append(session, { project, subpath: '', lines })
  }

  async #removeFiles(session: string, project: string): Promise<void> {
    const path = this.#path(project, session)
    try {
      await rm(path, { force: true })
      await rm(this.#folder(project, session), { recursive: true, force: true })
      await rm(this.#notePath(session), { force: true })
    } catch (error) {
      this.#options.onFault(error)
    }
  }

  get #notes(): string {
    return join(this.#options.dataDir, 'transcripts')
  }

  #notePath(session: string): string {
    return join(this.#notes, session)
  }

  #path(project: string, session: string): string {
    return join(this.#options.claudeDir, 'projects', project, `${session}.jsonl`)
  }

  /** Where the transcripts of its agents and the long results of its tools are. */
  #folder(project: string, session: string): string {
    return join(this.#options.claudeDir, 'projects', project, session)
  }
}

const noteSchema = z.object({
  project: z.string(),
  isKept: z.boolean(),
  pid: z.int().positive(),
})
type Note = z.infer<typeof noteSchema>

function parseNote(text: string): Note | undefined {
  try {
    return noteSchema.safeParse(JSON.parse(text)).data
  } catch {
    // A crash has cut it short.
    return undefined
  }
}

/** So long a process whose server was killed may take to notice that, and to write its last lines. */
const endingMs = 10_000
const lookMs = 50

/** Resolves when there is no such process, or when another must have its number by now. */
async function untilEnded(pid: number): Promise<void> {
  const deadline = performance.now() + endingMs
  while (isRunning(pid) && performance.now() < deadline) await sleep(lookMs)
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    // Nobody has the number, or somebody else's process.
    return false
  }
}

/** Whether a file has every entry of the session's own transcript that is stored. */
function holdsAll(file: string, pieces: readonly TranscriptPiece[]): boolean {
  const has = new Set(linesOf(file).flatMap(uuidOf))
  const own = pieces.filter(({ subpath }) => subpath === '')
  return own.every(({ lines }) =>
    linesOf(lines)
      .flatMap(uuidOf)
      .every((uuid) => has.has(uuid)),
  )
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

const entry = z.object({ uuid: z.string() })

function uuidOf(line: string): string[] {
  try {
    const { data } = entry.safeParse(JSON.parse(line))
    return data ? [data.uuid] : []
  } catch {
    // A line that a killed process left half written.
    return []
  }
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const unfinished = `${path}.${crypto.randomUUID()}`
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(unfinished, content, { mode: 0o600 })
  await rename(unfinished, path)
}
