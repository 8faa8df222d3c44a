import type { Message } from './message.ts'

/** A message of a session, as it was kept. */
export type SessionMessage = {
  /** Unique in its session, and the same each time the session is read. */
  id: string
  createdMs: number
  message: Message
  /** What the model thought before it. */
  reasoning?: string
}
