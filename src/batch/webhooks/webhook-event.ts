import { createHmac, randomBytes } from 'node:crypto'
import type { BatchStatus, StoredBatch } from '../../storage/parts/batches.ts'
import type { StoredWebhook } from '../../storage/parts/webhooks.ts'

/** The field of a batch's metadata that says whom to tell of its end. */
export const webhookField = 'webhook_url'

/** The message that a batch has ended so, due at once; undefined when nobody wants to be told. */
export function webhookOf(
  { id, metadata }: Pick<StoredBatch, 'id' | 'metadata'>,
  status: BatchStatus,
  atMs: number,
): StoredWebhook | undefined {
  const url = metadata?.[webhookField]
  if (url === undefined || !URL.canParse(url)) return undefined
  return {
    id: `evt_${randomBytes(16).toString('hex')}`,
    batch: id,
    type: `batch.${status}`,
    url: new URL(url).href,
    createdMs: atMs,
    attempts: 0,
    dueMs: atMs,
  }
}

/** An event as OpenAI sends it. */
export function eventBody({ id, batch, type, createdMs }: StoredWebhook): string {
  const created = Math.floor(createdMs / 1_000)
  return JSON.stringify({ id, object: 'event', created_at: created, type, data: { id: batch } })
}

/** The headers of the Standard Webhooks scheme, by which the receiver knows who sent a body, and when. `secret`: `whsec_` and base64. */
export function signedHeaders(
  id: string,
  body: string,
  { secret, atMs }: { secret: string; atMs: number },
): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1_000))
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}
