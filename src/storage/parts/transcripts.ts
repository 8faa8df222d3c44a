/** A piece of a transcript: some of its entries, in the order in which Claude Code wrote them. */
export type TranscriptPiece = {
  /** Claude Code's name for the working folder. */
  project: string
  /** Empty for the session's own transcript, else which of its agents' transcripts. */
  subpath: string
  /** JSON, an entry a line. */
  lines: string
}

/** What was said in sessions, as Claude Code writes it down. Whose a session is, `Sessions` knows. */
export interface Transcripts {
  /** Adds a piece at the end; one writer at a time. */
  append(session: string, piece: TranscriptPiece): Promise<void>
  /** Every piece, each transcript in its order; the session's own comes first. */
  load(session: string): Promise<TranscriptPiece[]>
  /** In small steps; harmless when there is none. */
  remove(session: string): Promise<void>
}

/** A row of the table `transcript`; `body` is sealed. */
export type TranscriptRow = {
  session: string
  subpath: string
  seq: number
  project: string
  body: string
}
