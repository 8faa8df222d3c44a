/** A message that a batch has ended, until it has arrived or is given up. It is kept together with the end of the batch. */
export type StoredWebhook = {
  /** The same at each attempt, so that the receiver can tell a message that it has had. */
  id: string
  batch: string
  /** `batch.completed`, say. */
  type: string
  url: string
  createdMs: number
  /** How often it was sent. */
  attempts: number
  /** When it is to be sent next. */
  dueMs: number
}

export interface Webhooks {
  /** Those whose time has come, longest ago first; `limit` at the most. */
  due(nowMs: number, limit: number): Promise<StoredWebhook[]>
  /** Counts an attempt before it is made, and says when the next would be. Of several nodes that try one succeeds; false for the others. */
  claim(webhook: Pick<StoredWebhook, 'id' | 'attempts'>, nextMs: number): Promise<boolean>
  /** As if the attempt that was claimed for it had not been. */
  restore(webhook: StoredWebhook): Promise<void>
  /** It has arrived, or is given up. */
  remove(id: string): Promise<void>
}

export type WebhookRow = {
  id: string
  batch: string
  type: string
  url: string
  created_ms: number
  attempts: number
  due_ms: number
}
