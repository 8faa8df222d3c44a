import { appendFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { TurnError } from '../../turn/error.ts'
import type { ApiMessage } from './api-messages.ts'
import { isReadBack } from './transcript-check.ts'

/** Where and as what a transcript is written. */
export type TranscriptPlace = {
  /** Claude Code's own folder (`CLAUDE_CONFIG_DIR`). */
  claudeDir: string
  /** The working folder, links resolved. */
  folder: string
  sessionId: string
  /** The version of the binary that will read it. */
  version: string
  /** Whose answers it has, by its full name: of another's Claude Code leaves out the thinking. */
  model?: string | undefined
}

/** One line of a transcript, as Claude Code writes it and reads it back on `--resume` (contract test). */
export type TranscriptEntry = {
  parentUuid: string | null
  isSidechain: false
  userType: 'external'
  cwd: string
  sessionId: string
  version: string
  uuid: string
  timestamp: string
} & (
  | { type: 'user' | 'assistant'; message: unknown }
  | { type: 'attachment'; attachment: Readonly<Record<string, unknown>> }
)

/**
 * A conversation as the transcript that Claude Code would have written of it, its question the last message. It ends as a turn does
 * that met its limit before the answer (`maxTurns`): at the end of any other question a resuming process puts words of its own.
 * From there an empty prompt asks the API (contract test). `after`: the entry that it goes on from.
 */
export function composeTranscript(
  messages: readonly ApiMessage[],
  place: TranscriptPlace,
  now: Date,
  after: string | null = null,
): TranscriptEntry[] {
  let parentUuid = after
  const common = () => {
    const entry = {
      parentUuid,
      isSidechain: false as const,
      userType: 'external' as const,
      cwd: place.folder,
      sessionId: place.sessionId,
      version: place.version,
      uuid: crypto.randomUUID(),
      timestamp: now.toISOString(),
    }
    parentUuid = entry.uuid
    return entry
  }
  const entries = messages.map(({ role, content }, index): TranscriptEntry => ({
    ...common(),
    type: role,
    message: role === 'user' ? { role, content } : answered(content, index, place.model),
  }))
  return [...entries, { ...common(), type: 'attachment', attachment: turnLimit }]
}

/** What Claude Code notes when a turn ends at its limit; it shows the model nothing of it. */
const turnLimit = {
  type: 'max_turns_reached',
  maxTurns: 1,
  turnCount: 1,
  exitCommitted: false,
} as const

/**
 * Writes a conversation as a transcript where `resume` looks for it, reads it back, and returns it. Throws `server_error` where it is not
 * found there as it was sent: then no process may resume it.
 */
export async function storeTranscript(
  messages: readonly ApiMessage[],
  place: TranscriptPlace,
  now: Date,
  write: typeof writeTranscript = writeTranscript,
): Promise<string> {
  const path = transcriptPath(place)
  const entries = composeTranscript(messages, place, now)
  try {
    await write(entries, place)
    const text = linesOf(entries)
    if (await isReadBack(path, { text, messages })) return text
    throw notReadBack()
  } catch (error) {
    // Half of one is left where the disk is full.
    await rm(path, { force: true }).catch(() => {})
    throw error
  }
}

export async function writeTranscript(
  entries: readonly TranscriptEntry[],
  place: TranscriptPlace,
): Promise<void> {
  const path = transcriptPath(place)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, linesOf(entries), { mode: 0o600, flag: 'wx' })
}

/**
 * Adds messages to a session's own transcript, which no process may be writing to, and returns what it has added; an empty prompt then
 * asks for the answer. Undefined where there is no such transcript. Throws `server_error`, and takes them away again, where they are not read back as they were sent.
 */
export async function continueTranscript(
  messages: readonly ApiMessage[],
  place: TranscriptPlace,
  now: Date,
  append: (path: string, text: string) => Promise<void> = appendFile,
): Promise<string | undefined> {
  const path = transcriptPath(place)
  const bytes = await readFile(path).catch(() => Buffer.alloc(0))
  const written = bytes.toString()
  const last = written.trimEnd().split('\n').findLast(isInConversation)
  if (last === undefined) return undefined
  const { uuid } = chained.parse(JSON.parse(last))
  // A line that a killed process left half written ends here.
  const before = written.endsWith('\n') ? written : `${written}\n`
  const added = linesOf(composeTranscript(messages, place, now, uuid))
  const text = before.slice(written.length) + added
  await append(path, text)
  if (await isReadBack(path, { text: written + text, messages })) return added
  await truncate(path, bytes.length)
  throw notReadBack()
}

function notReadBack(): TurnError {
  return new TurnError(
    'server_error',
    'A transcript that was composed is not read back as it was sent; it is not used.',
  )
}

/** The entries that others follow by `parentUuid`; Claude Code writes notes between them. */
const chained = z.object({ uuid: z.string(), isSidechain: z.literal(false) })

function isInConversation(line: string): boolean {
  try {
    return chained.safeParse(JSON.parse(line)).success
  } catch {
    // Half written; Claude Code skips it as well.
    return false
  }
}

function linesOf(entries: readonly TranscriptEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
}

/** The longest folder name that Claude Code uses as it is; longer ones get a hash, and such folders are not written to here. */
const longestName = 200

/** Whether a transcript for this folder can be written: its name must need no shortening. */
export function canWriteTranscript(folder: string): boolean {
  return folder.length <= longestName
}

export function transcriptPath({ claudeDir, folder, sessionId }: TranscriptPlace): string {
  return join(claudeDir, 'projects', projectOf(folder), `${sessionId}.jsonl`)
}

/** Claude Code's name for a working folder, where it needs no shortening. */
export function projectOf(folder: string): string {
  return folder.replace(/[^a-zA-Z0-9]/g, '-')
}

/** The answer of an earlier turn; what it took is not known. */
function answered(content: unknown, index: number, model = 'claude'): unknown {
  return {
    id: `msg_${index}`,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0 },
  }
}
