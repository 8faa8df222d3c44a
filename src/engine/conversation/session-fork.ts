import { forkSession, type SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk'
import { TurnError } from '../../turn/error.ts'
import { ownEntries, type KeptMessage, sessionMessages } from './session-messages.ts'
import type { TranscriptPiece } from './sessions.ts'

/** A copy of a conversation, under an id of its own. */
export type Fork = {
  id: string
  pieces: TranscriptPiece[]
  /** How many questions it has; absent: all that the session has. */
  questions?: number
}

/** `upTo`: the id of its last message (`sessionMessages`). */
export type ForkOptions = { title?: string | undefined; upTo?: string | undefined }

/** How much of a transcript is stored in one piece, in characters. */
const pieceSize = 1_000_000

/**
 * Copies the conversation of a session by the SDK, which gives every entry a new id. Where it ends with calls of tools that ran here, their
 * results come along, since nobody else could give them. Throws `invalid_value` for an unknown message, `session_not_found` where
 * nothing was said that is stored.
 */
export async function forkTranscript(
  session: string,
  pieces: readonly TranscriptPiece[],
  { title, upTo }: ForkOptions,
): Promise<Fork> {
  const entries = ownEntries(pieces)
  const project = pieces[0]?.project
  if (project === undefined) throw nothingStored(session)
  const part = upTo === undefined ? undefined : partOf(await sessionMessages(pieces), upTo)
  const copied: SessionStoreEntry[] = []
  const { sessionId: id } = await forkSession(session, {
    sessionStore: {
      load: async () => entries,
      append: async (_, added) => void copied.push(...added),
    },
    // Without one the SDK makes one of the first question.
    title: title ?? 'Fork',
    ...(part && { upToMessageId: lastOf(entries, part) }),
  })
  return {
    id,
    pieces: inPieces(project, copied),
    ...(part && { questions: part.filter(({ message }) => message.role === 'user').length }),
  }
}

function partOf(messages: readonly KeptMessage[], upTo: string): KeptMessage[] {
  const last = messages.findIndex(({ id }) => id === upTo)
  if (last !== -1) return messages.slice(0, last + 1)
  throw new TurnError(
    'invalid_value',
    `up_to_message_id ${JSON.stringify(upTo.slice(0, 100))} is no message of this session. GET /v1/sessions/{id}/messages lists them.`,
    { param: 'up_to_message_id' },
  )
}

/** The entry that the copy ends with. */
function lastOf(entries: readonly SessionStoreEntry[], part: readonly KeptMessage[]): string {
  const needed = new Set(part.at(-1)?.entries)
  return entries.findLast(({ uuid }) => uuid !== undefined && needed.has(uuid))?.uuid ?? ''
}

function inPieces(project: string, entries: readonly SessionStoreEntry[]): TranscriptPiece[] {
  const texts: string[] = []
  for (const entry of entries) {
    const line = `${JSON.stringify(entry)}\n`
    const last = texts.at(-1)
    if (last === undefined || last.length + line.length > pieceSize) texts.push(line)
    else texts[texts.length - 1] = last + line
  }
  return texts.map((lines) => ({ project, subpath: '', lines }))
}

function nothingStored(session: string): TurnError {
  return new TurnError(
    'session_not_found',
    `Nothing that was said in the session ${session} is stored, so there is nothing to copy. Ask in it once more first.`,
    { param: 'id' },
  )
}
