import type { TranscriptPiece } from './transcripts.ts'

/** A conversation of a caller's with Claude Code, without what was said. */
export type Session = {
  id: string
  /** The caller that made it; nobody else sees it. */
  owner: string
  /** The real path of the working folder; Claude Code keeps transcripts by folder. */
  folder: string
  title?: string
  metadata: Record<string, string>
  /** The model that was asked for last. */
  model?: string
  /** How many questions were begun to be answered. */
  turns: number
  /** The calls that the last answer left open; absent: the transcript tells. */
  openCalls?: string[]
  createdMs: number
  usedMs: number
}

/** What it takes to remove a session. */
export type SessionPlace = Pick<Session, 'id' | 'owner' | 'folder'>

/** A turn that has begun, and with `openCalls` one that has ended; it makes the session where there is none. */
export type SessionUse = Pick<Session, 'id' | 'owner' | 'folder' | 'usedMs'> & {
  model?: string
  openCalls?: readonly string[]
}

/** What a caller may change; null takes the title away. */
export type SessionChange = { title?: string | null; metadata?: Record<string, string> }

/** Which of an owner's sessions: `after` is the id of the last one of the page before, `search` a part of the title. */
export type SessionQuery = { limit: number; after?: string; folder?: string; search?: string }

/** The sessions; each function sees those of one owner only. */
export interface Sessions {
  find(id: string, owner: string): Promise<Session | undefined>
  /** The most recently used in a folder. */
  latest(owner: string, folder: string): Promise<Session | undefined>
  /**
   * Notes a turn, and tells how many there have been. Without `openCalls`, what the session waits for is not known from then on. A session of
   * another owner stays as it is; then there have been none.
   */
  use(use: SessionUse): Promise<number>
  /** Notes which calls an answer has left open. */
  setOpenCalls(id: string, owner: string, ids: readonly string[]): Promise<void>
  /** Newest first, `search` whatever the case of its letters; none where `after` names no session of the owner's. */
  list(owner: string, query: SessionQuery): Promise<Session[]>
  /** The session as it is then; undefined when there is none. */
  change(id: string, owner: string, change: SessionChange): Promise<Session | undefined>
  /** Adds a session, whose id must be new, and what was said in it: both or nothing. */
  insert(session: Session, pieces: readonly TranscriptPiece[]): Promise<void>
  /** Whether there was one. */
  remove(id: string, owner: string): Promise<boolean>
  /** Those that have not been used since a time, 100 at the most. */
  over(usedBeforeMs: number): Promise<SessionPlace[]>
  /** Takes over sessions that were kept elsewhere, 500 at the most; those that are known stay as they are. */
  adopt(sessions: readonly Omit<SessionUse, 'model' | 'openCalls'>[]): Promise<void>
}

/** A row of the table `session`; `title` and `metadata` are sealed. */
export type SessionRow = {
  id: string
  owner: string
  folder: string
  title: string | null
  metadata: string
  model: string | null
  turns: number
  open_calls: string | null
  created_ms: number
  used_ms: number
}
