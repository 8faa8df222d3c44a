import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages'
import type { Message } from '../turn/message.ts'
import { toContentBlocks } from './attachments/blocks.ts'
import type { ClaudeProcess } from './claude-process.ts'
import type { TurnClock } from './turn-clock.ts'

/** A conversation as the process gets it: the messages before the question, and the question. */
export type Prompt = { earlier: Message[]; question: ContentBlockParam[] }

/**
 * Divides a conversation. `resumed`: the session holds everything up to the last assistant message already, so only what
 * follows it is sent. The Anthropic API refuses empty text; an empty piece of text says nothing and is left out.
 */
export function toPrompt(messages: readonly Message[], resumed: boolean): Prompt {
  const begin = resumed ? messages.findLastIndex(({ role }) => role === 'assistant') + 1 : 0
  const last = messages.length - 1
  return { earlier: messages.slice(begin, last), question: blocksOf(messages[last]) }
}

/**
 * From how many earlier messages on a composed transcript is faster than feeding: feeding costs a round trip for each user
 * message, a transcript the start of a process (docs/decisions/0005-history.md).
 */
export const longHistory = 60

/**
 * Feeds the earlier messages to a process, each as its own turn. A user message is answered by an empty result, which must be
 * awaited: an assistant message sent before it would overtake it.
 */
export async function feed(
  process: ClaudeProcess,
  earlier: readonly Message[],
  clock: TurnClock,
): Promise<void> {
  for (const message of earlier) {
    const blocks = blocksOf(message)
    if (blocks.length === 0) continue
    if (message.role === 'assistant') {
      process.addAssistant(blocks)
      continue
    }
    process.addUser(blocks)
    let taken = false
    while (!taken) {
      const reply = await clock.wait('start', process.next())
      taken = reply.type === 'result'
    }
  }
}

/** A message's content for the Anthropic API, which refuses empty text. */
export function blocksOf(message: Message | undefined): ContentBlockParam[] {
  if (!message) return []
  return toContentBlocks(message.content.filter((part) => part.type !== 'text' || part.text !== ''))
}
