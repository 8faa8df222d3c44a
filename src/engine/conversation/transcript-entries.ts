import {
  getSessionMessages,
  type SessionMessage,
  type SessionStoreEntry,
} from '@anthropic-ai/claude-agent-sdk'

/** The entries of a transcript; a line that a killed process left half written is none. */
export function entriesOf(lines: string): SessionStoreEntry[] {
  return lines.split('\n').flatMap((line) => {
    if (line.trim() === '') return []
    try {
      const entry: unknown = JSON.parse(line)
      return isEntry(entry) ? [entry] : []
    } catch {
      // Half written.
      return []
    }
  })
}

/**
 * The conversation that entries hold, read by the SDK: it knows which of them belong to it. By a store of our own, since the SDK looks
 * for files only in the folder that this process's environment names.
 */
export function conversationOf(entries: SessionStoreEntry[]): Promise<SessionMessage[]> {
  return getSessionMessages(crypto.randomUUID(), {
    sessionStore: { load: async () => entries, append: async () => {} },
  })
}

function isEntry(value: unknown): value is SessionStoreEntry {
  return typeof value === 'object' && value !== null && 'type' in value
}
