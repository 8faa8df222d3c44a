import { TurnError } from '../../turn/error.ts'

/** The content of a `compaction` item: opaque to callers, who only send it back. */
export function writeSummary(text: string): string {
  return Buffer.from(JSON.stringify({ summary: text })).toString('base64url')
}

/** What `writeSummary` wrote, as the words that stand for the conversation. Throws `invalid_value`, which names `param`, for anything else. */
export function readSummary(content: string, param: string): string {
  try {
    const { summary } = JSON.parse(Buffer.from(content, 'base64url').toString()) as {
      summary?: unknown
    }
    if (typeof summary === 'string') return `Summary of the conversation so far:\n\n${summary}`
  } catch {
    // Said below.
  }
  throw new TurnError(
    'invalid_value',
    `${param} was not written by this server (POST /v1/responses/compact). Send the conversation itself.`,
    { param },
  )
}
