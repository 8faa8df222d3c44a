import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { TurnError } from '../../turn/error.ts'
import type { Message } from '../../turn/message.ts'
import { toApiId } from './api-messages.ts'

/**
 * The ids of the calls that a session waits for the results of: those that its transcript notes as deferred behind the user's last
 * words, without those that have a result. None where there is no transcript.
 */
export async function pendingCalls(path: string): Promise<string[]> {
  const written = await readFile(path).catch(() => Buffer.alloc(0))
  const deferred: string[] = []
  const answered = new Set<string>()
  for (const line of linesFromTheEnd(written)) {
    const entry = entryOf(line)
    if (entry?.type === 'attachment') deferred.unshift(entry.attachment.toolUseID)
    if (entry?.type !== 'user') continue
    const results = resultsOf(entry.message.content)
    for (const id of results.ids) answered.add(id)
    if (results.hasWords) break
  }
  return deferred.filter((id) => !answered.has(id))
}

/**
 * Holds a request that goes on with a session to the calls that the session waits for. Without their results Claude Code would
 * invent some, or ask nobody (contract test). Throws `invalid_value` that names the ids.
 */
export function checkPending(pending: readonly string[], told: readonly Message[]): void {
  const results = told.flatMap((message) => (message.role === 'tool' ? [message.callId] : []))
  const given = new Set(results.map(toApiId))
  const missing = pending.filter((id) => !given.has(id))
  if (missing.length > 0) {
    throw refusal(
      `The session waits for the results of these calls: ${missing.join(', ')}. Send the assistant message that has them and, right behind it, a message of role "tool" for each.`,
    )
  }
  const unknown = results.filter((id) => !pending.includes(toApiId(id)))
  if (unknown.length === 0) return
  const waiting = pending.length > 0 ? `It waits for: ${pending.join(', ')}.` : 'It waits for none.'
  throw refusal(`The session has no open calls with these ids: ${unknown.join(', ')}. ${waiting}`)
}

function refusal(message: string): TurnError {
  return new TurnError('invalid_value', message, { param: 'messages' })
}

const entrySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('user'),
    isSidechain: z.literal(false),
    message: z.object({ content: z.unknown() }),
  }),
  z.object({
    type: z.literal('attachment'),
    isSidechain: z.literal(false),
    attachment: z.object({ type: z.literal('hook_deferred_tool'), toolUseID: z.string() }),
  }),
])

const resultSchema = z.object({ type: z.literal('tool_result'), tool_use_id: z.string() })

/** The ids of the results in a message of the user's, and whether it has words as well: what was asked before them is settled. */
function resultsOf(content: unknown): { ids: string[]; hasWords: boolean } {
  const blocks: unknown[] = Array.isArray(content) ? content : [content]
  const ids = blocks.flatMap((block) => resultSchema.safeParse(block).data?.tool_use_id ?? [])
  return { ids, hasWords: ids.length < blocks.length }
}

function entryOf(line: string): z.infer<typeof entrySchema> | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data
  } catch {
    // Half written, by a process that was killed.
    return undefined
  }
}

/** A transcript may be long, and what matters stands at its end. */
function* linesFromTheEnd(written: Buffer): Generator<string> {
  let end = written.length
  while (end > 0) {
    // A negative place would be counted from the end.
    const start = end < 2 ? 0 : written.lastIndexOf('\n', end - 2) + 1
    yield written.toString('utf8', start, end)
    end = start
  }
}
