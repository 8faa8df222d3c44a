import { z } from 'zod'

/** What an entry of a transcript says of itself beside the message (test/sessions/messages.test.ts). */
export const marksSchema = z.object({
  uuid: z.string(),
  timestamp: z.string().optional(),
  isMeta: z.boolean().optional(),
  isCompactSummary: z.boolean().optional(),
  isVisibleInTranscriptOnly: z.boolean().optional(),
  promptId: z.string().optional(),
  promptSource: z.string().optional(),
  origin: z.object({ kind: z.string() }).optional(),
})
export type Marks = z.infer<typeof marksSchema>

export function isNote(marks: Marks | undefined): boolean {
  const { isMeta, isCompactSummary, isVisibleInTranscriptOnly } = marks ?? {}
  return isMeta === true || isCompactSummary === true || isVisibleInTranscriptOnly === true
}

/** Claude Code's own words as the user's (that it was interrupted, that a task has ended) have no source, or are told apart by it. */
export function isCallers(marks: Marks | undefined): boolean {
  if (marks === undefined) return true
  const { promptId, promptSource, origin } = marks
  if (origin !== undefined && origin.kind !== 'human') return false
  // What this server has composed has neither.
  return promptSource === undefined ? promptId === undefined : promptSource !== 'system'
}

export function createdMs(marks: Marks | undefined): number {
  const time = Date.parse(marks?.timestamp ?? '')
  return Number.isNaN(time) ? 0 : time
}
