import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages'
import { TurnError } from '../../turn/error.ts'
import type { ImagePart, Message } from '../../turn/message.ts'
import { type ApiMessage, toApiMessages } from './api-messages.ts'
import type { ClaudeProcess } from '../processes/claude-process.ts'
import type { TurnClock } from '../processes/turn-clock.ts'

/** A conversation as a process gets it: the messages before the question, and the question. */
export type Prompt = { earlier: ApiMessage[]; question: ContentBlockParam[] }

/** What follows the last assistant message: new to whoever knows the conversation up to there. */
export function newMessages(messages: readonly Message[]): Message[] {
  return messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1)
}

/** Divides a conversation. Throws `invalid_value` when there is nothing to ask. */
export function toPrompt(messages: readonly Message[]): Prompt {
  const sent = toApiMessages(messages)
  const question = sent.at(-1)
  if (question?.role !== 'user') {
    throw new TurnError(
      'invalid_value',
      'The last message is empty; Claude needs a question or a result to answer.',
      {
        param: 'messages',
      },
    )
  }
  return { earlier: sent.slice(0, -1), question: question.content }
}

/**
 * Whether the user's messages have pictures. A process that is told them scales and recodes them and adds a line on each; a transcript
 * it takes as it is (docs/decisions/0008-pictures.md). Pictures in results of tools it leaves alone.
 */
export function hasPictures(messages: readonly Message[]): boolean {
  return userPictures(messages).length > 0
}

/** The most characters of base64 that the Anthropic API takes for a picture; Claude Code makes a larger one smaller if it is told it. */
const longestPicture = 5 * 1024 * 1024

/** Whether a picture of the user's must be made smaller before the API takes it. */
export function hasOversizedPictures(messages: readonly Message[]): boolean {
  return userPictures(messages).some(
    ({ source }) => source.type === 'base64' && source.data.length > longestPicture,
  )
}

function userPictures(messages: readonly Message[]): ImagePart[] {
  return messages.flatMap(({ role, content }) =>
    role === 'user' ? content.filter((part) => part.type === 'image') : [],
  )
}

/**
 * From how many earlier messages on a composed transcript is faster than feeding: feeding costs a round trip for each user
 * message, a transcript the start of a process (docs/decisions/0005-history.md).
 */
export const longHistory = 60

/**
 * Feeds the earlier messages to a process, each as its own turn. A user message is answered by an empty result, which must be
 * awaited: an assistant message sent before it would overtake it. `model`: whose answers they are, by its full name.
 */
export async function feed(
  process: ClaudeProcess,
  earlier: readonly ApiMessage[],
  clock: TurnClock,
  model?: string,
): Promise<void> {
  for (const { role, content } of earlier) {
    if (role === 'assistant') {
      process.addAssistant(content, model)
      continue
    }
    process.addUser(content)
    let taken = false
    while (!taken) {
      const reply = await clock.wait('start', process.next())
      taken = reply.type === 'result'
    }
  }
}
