import type { SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk'
import { z } from 'zod'
import type { AssistantMessage, Message, ToolCallPart } from '../../turn/message.ts'
import type { SessionMessage } from '../../turn/session-message.ts'
import { customInput } from '../tools/client-tools.ts'
import { type Block, blocksOf, toParts } from './kept-blocks.ts'
import { clientName, type KeptTools, keptTools } from './kept-tools.ts'
import { createdMs, isCallers, isNote, type Marks, marksSchema } from './kept-marks.ts'
import type { TranscriptPiece } from './sessions.ts'
import { conversationOf, entriesOf } from './transcript-entries.ts'

/** A message, and the entries of the transcript that it cannot be without: its own, and the results of tools that ran here. */
export type KeptMessage = SessionMessage & { entries: string[] }

/**
 * What was said in a session, from the pieces of its transcript: the caller's words, the answers, calls and results of the caller's tools
 * and of those that ran here. Left out are Claude Code's own notes, and the messages in which it tells of failures and interruptions. What
 * was summed up to make room is shown as it was said.
 */
export async function sessionMessages(pieces: readonly TranscriptPiece[]): Promise<KeptMessage[]> {
  const entries = ownEntries(pieces)
  const reader = new Reader(entries)
  const seen = new Set<string>()
  for (const end of endsOf(entries)) {
    for (const { uuid, type, message } of await conversationOf(entries.slice(0, end))) {
      if (seen.has(uuid)) continue
      seen.add(uuid)
      if (type === 'assistant') reader.addAssistant(uuid, message)
      if (type === 'user') reader.addUser(uuid, message)
    }
  }
  return reader.messages()
}

/** The entries of the session's own transcript, without those of its agents. */
export function ownEntries(pieces: readonly TranscriptPiece[]): SessionStoreEntry[] {
  return pieces.filter(({ subpath }) => subpath === '').flatMap(({ lines }) => entriesOf(lines))
}

/** The SDK shows what follows the last summary; what stands before it is read as if the summary had not come yet. */
function endsOf(entries: readonly SessionStoreEntry[]): number[] {
  const summaries = entries.flatMap((entry, index) =>
    entry.type === 'system' && entry['subtype'] === 'compact_boundary' ? [index] : [],
  )
  return [...summaries, entries.length]
}

class Reader {
  readonly #marks: ReadonlyMap<string, Marks>
  readonly #tools: KeptTools
  readonly #found: KeptMessage[] = []
  /** Answers come block by block, each an entry of its own: by the API's ids, since the user last spoke. */
  readonly #answers = new Map<string, Answer>()
  /** Who made a call that was not left to the caller. */
  readonly #ranHere = new Map<string, KeptMessage>()
  /** Calls by which answers were handed over, or corrected before they were. */
  readonly #hidden = new Set<string>()

  constructor(entries: readonly SessionStoreEntry[]) {
    const marks = entries.flatMap((entry) => marksSchema.safeParse(entry).data ?? [])
    this.#marks = new Map(marks.map((found) => [found.uuid, found]))
    this.#tools = keptTools(entries)
  }

  /** An answer in which nothing was said is none. */
  messages(): KeptMessage[] {
    return this.#found.filter(
      ({ message }) => message.role !== 'assistant' || message.content.length > 0,
    )
  }

  addAssistant(uuid: string, message: unknown): void {
    const said = answerSchema.safeParse(message).data
    if (said === undefined || said.model === syntheticModel) return
    const answer = this.#answerOf(uuid, said.id)
    answer.kept.entries.push(uuid)
    for (const block of blocksOf(said.content)) this.#addBlock(answer, block)
  }

  addUser(uuid: string, message: unknown): void {
    const marks = this.#marks.get(uuid)
    if (isNote(marks)) return
    const blocks = blocksOf(messageSchema.safeParse(message).data?.content)
    const said: Message[] = blocks.flatMap((block) => this.#resultOf(uuid, block))
    const words = blocks.filter(({ type }) => type !== 'tool_result')
    if (words.length > 0 && isCallers(marks)) {
      this.#answers.clear()
      said.push({ role: 'user', content: toParts(words) })
    }
    for (const [index, one] of said.entries()) {
      const id = index === 0 ? uuid : `${uuid}_${index + 1}`
      this.#found.push({ id, createdMs: createdMs(marks), message: one, entries: [uuid] })
    }
  }

  #resultOf(uuid: string, block: Block): Message[] {
    const result = resultSchema.safeParse(block).data
    if (result === undefined) return []
    const { tool_use_id: callId, content } = result
    this.#ranHere.get(callId)?.entries.push(uuid)
    if (this.#hidden.has(callId)) return []
    return [{ role: 'tool', callId, content: toParts(blocksOf(content)) }]
  }

  #answerOf(uuid: string, apiId: string): Answer {
    const known = this.#answers.get(apiId)
    if (known) return known
    const content: AssistantMessage['content'] = []
    const kept: KeptMessage = {
      id: uuid,
      createdMs: createdMs(this.#marks.get(uuid)),
      message: { role: 'assistant', content },
      entries: [],
    }
    this.#found.push(kept)
    const answer = { kept, content }
    this.#answers.set(apiId, answer)
    return answer
  }

  #addBlock({ kept, content }: Answer, block: Block): void {
    const found = blockSchema.safeParse(block).data
    switch (found?.type) {
      case 'text':
        if (found.text !== '') content.push({ type: 'text', text: found.text })
        return
      case 'thinking':
        if (found.thinking !== '') kept.reasoning = (kept.reasoning ?? '') + found.thinking
        return
      case 'tool_use':
        this.#addCall({ kept, content }, found)
        return
      // Thinking that only the API can read, and what an API may come to send.
      case undefined:
        return
    }
  }

  #addCall({ kept, content }: Answer, { id, name, input }: Call): void {
    const deferral = this.#tools.deferred.get(id)
    if (deferral === undefined) this.#ranHere.set(id, kept)
    else kept.entries.push(deferral)
    if (!this.#tools.isAnswerTool(name)) {
      content.push(toCall(id, name, input, this.#tools.custom))
      return
    }
    this.#hidden.add(id)
    if (!this.#tools.answers.has(id)) return
    // Words beside a structured answer are no part of it, and the caller did not get them.
    const text = JSON.stringify(this.#tools.answers.get(id))
    content.splice(0, content.length, { type: 'text', text })
  }
}

type Answer = { kept: KeptMessage; content: AssistantMessage['content'] }

function toCall(
  id: string,
  name: string,
  input: unknown,
  custom: ReadonlySet<string>,
): ToolCallPart {
  const free = custom.has(name) ? freeText.safeParse(input).data : undefined
  return free === undefined
    ? {
        type: 'tool-call',
        id,
        name: clientName(name),
        input: JSON.stringify(input ?? {}),
        kind: 'function',
      }
    : { type: 'tool-call', id, name: clientName(name), input: free[customInput], kind: 'custom' }
}

const freeText = z.object({ [customInput]: z.string() })

/** What Claude Code says itself comes as a message of this model. */
const syntheticModel = '<synthetic>'

const messageSchema = z.object({ content: z.unknown().optional() })

const answerSchema = z.object({
  id: z.string(),
  model: z.string().optional(),
  content: z.unknown().optional(),
})

const callSchema = z.object({
  type: z.literal('tool_use'),
  id: z.string(),
  name: z.string(),
  input: z.unknown().optional(),
})
type Call = z.infer<typeof callSchema>

const blockSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('thinking'), thinking: z.string() }),
  callSchema,
])

const resultSchema = z.object({
  type: z.literal('tool_result'),
  tool_use_id: z.string(),
  content: z.unknown().optional(),
})
