import { readFile } from 'node:fs/promises'
import type { ApiMessage } from './api-messages.ts'
import { conversationOf, entriesOf } from './transcript-entries.ts'

/** The whole of a transcript, and the messages that are to be the end of its conversation. */
export type Composed = { text: string; messages: readonly ApiMessage[] }

/**
 * Whether a transcript holds what was composed: it is the same to the byte, and the SDK's own reader finds the messages at the end of
 * the conversation, block for block. The reader knows the format: an SDK that has another one does not find them.
 */
export async function isReadBack(path: string, { text, messages }: Composed): Promise<boolean> {
  const written = await readFile(path, 'utf8')
  if (written !== text) return false
  const found = (await conversationOf(entriesOf(written))).map(({ message }) => message)
  if (found.length < messages.length) return false
  return found.slice(-messages.length).every((message, index) => isSame(message, messages[index]))
}

/** As JSON, which is what a transcript is. */
function isSame(found: unknown, message: ApiMessage | undefined): boolean {
  if (typeof found !== 'object' || found === null || message === undefined) return false
  if (!('role' in found) || !('content' in found) || found.role !== message.role) return false
  return JSON.stringify(found.content) === JSON.stringify(message.content)
}
