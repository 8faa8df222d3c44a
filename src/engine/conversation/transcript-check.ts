import { readFile } from 'node:fs/promises'
import { getSessionMessages, type SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk'
import type { ApiMessage } from './api-messages.ts'

/** The whole of a transcript, and the messages that are to be the end of its conversation. */
export type Composed = { text: string; messages: readonly ApiMessage[] }

/**
 * Whether a transcript holds what was composed: it is the same to the byte, and the SDK's own reader finds the messages at the end of
 * the conversation, block for block. The reader knows the format: an SDK that has another one does not find them.
 */
export async function isReadBack(path: string, { text, messages }: Composed): Promise<boolean> {
  const written = await readFile(path, 'utf8')
  if (written !== text) return false
  const found = await messagesOf(written.trimEnd().split('\n').flatMap(entryOf))
  if (found.length < messages.length) return false
  return found.slice(-messages.length).every((message, index) => isSame(message, messages[index]))
}

/** By a store of our own, since the reader looks for files only in the folder that this process's environment names. */
async function messagesOf(entries: SessionStoreEntry[]): Promise<unknown[]> {
  const found = await getSessionMessages(crypto.randomUUID(), {
    sessionStore: { load: async () => entries, append: async () => {} },
  })
  return found.map(({ message }) => message)
}

function entryOf(line: string): SessionStoreEntry[] {
  try {
    const entry: unknown = JSON.parse(line)
    return isEntry(entry) ? [entry] : []
  } catch {
    // A line that a killed process left half written.
    return []
  }
}

function isEntry(value: unknown): value is SessionStoreEntry {
  return typeof value === 'object' && value !== null && 'type' in value
}

/** As JSON, which is what a transcript is. */
function isSame(found: unknown, message: ApiMessage | undefined): boolean {
  if (typeof found !== 'object' || found === null || message === undefined) return false
  if (!('role' in found) || !('content' in found) || found.role !== message.role) return false
  return JSON.stringify(found.content) === JSON.stringify(message.content)
}
