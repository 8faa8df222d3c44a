import { Snooze } from '../../lib/snooze.ts'
import type { StoredWebhook, Webhooks } from '../../storage/parts/webhooks.ts'
import type { Telemetry } from '../../telemetry/events.ts'
import { TurnError } from '../../turn/error.ts'
import { eventBody, signedHeaders } from './webhook-event.ts'
import type { WebhookHosts } from './webhook-hosts.ts'
import type { WebhookOutcome } from './webhook-sender.ts'

export type WebhookOutboxOptions = {
  /** Resolves when the storage is open. */
  storage: Promise<{ webhooks: Webhooks }>
  hosts: WebhookHosts
  /** `whsec_` and base64; absent: nothing can be signed, and so nothing is sent. */
  secret?: string
  telemetry: Pick<Telemetry, 'webhookTried' | 'fault'>
  now?: () => number
  /** How often it looks, besides when it is woken. */
  lookMs?: number
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** After each attempt that failed, as Standard Webhooks proposes: ten attempts within three days. */
export const pausesMs: readonly number[] = [
  5_000,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs,
]
/** How soon after the last attempt its node is taken for dead, and the message for lost. */
const lastLookMs = minuteMs
const atOnce = 10
const usualLookMs = 5_000

/**
 * Sends the messages that are due, on whichever node claims one first. An attempt is counted before it is made, so that a message is tried a
 * bounded number of times, whatever ends the server in between.
 */
export class WebhookOutbox {
  readonly #options: WebhookOutboxOptions
  readonly #now: () => number
  readonly #snooze = new Snooze()
  readonly #closing = new AbortController()
  readonly #running: Promise<void>

  constructor(options: WebhookOutboxOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#running = this.#run()
  }

  /** There may be something to send. */
  wake(): void {
    this.#snooze.wake()
  }

  /** Sends nothing more; what is being sent is cut off, and sent again by whoever comes next. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.wake()
    await this.#running
  }

  async #run(): Promise<void> {
    const storage = await this.#options.storage.catch(() => undefined)
    if (!storage) return
    while (!this.#closing.signal.aborted) {
      try {
        const due = await storage.webhooks.due(this.#now(), atOnce)
        await Promise.all(due.map((webhook) => this.#try(storage.webhooks, webhook)))
        if (due.length === atOnce) this.wake()
      } catch (error) {
        // The storage tells of itself when it is away.
        if (TurnError.from(error).code !== 'storage_unavailable')
          this.#options.telemetry.fault(error)
      }
      await this.#snooze.pause(this.#options.lookMs ?? usualLookMs)
    }
  }

  async #try(webhooks: Webhooks, webhook: StoredWebhook): Promise<void> {
    const { attempts } = webhook
    const pauseMs = pausesMs[attempts]
    if (attempts > pausesMs.length) {
      // The node that made the last attempt has not told how it went.
      await webhooks.remove(webhook.id)
      return
    }
    if (!(await webhooks.claim(webhook, this.#now() + (pauseMs ?? lastLookMs)))) return
    const outcome = await this.#send(webhook)
    if ('failure' in outcome && outcome.failure === 'server stopped') {
      await webhooks.restore(webhook)
      return
    }
    const isOver = isFinal(outcome) || pauseMs === undefined
    const isSent = 'status' in outcome && outcome.status >= 200 && outcome.status <= 299
    this.#options.telemetry.webhookTried({
      id: webhook.id,
      batch: webhook.batch,
      host: new URL(webhook.url).host,
      attempt: attempts + 1,
      outcome: isSent ? 'delivered' : isOver ? 'given-up' : 'failed',
      ...outcome,
    })
    if (isOver) await webhooks.remove(webhook.id)
  }

  /** The owner may allow other hosts by now than when the batch was made. */
  async #send(webhook: StoredWebhook): Promise<WebhookOutcome> {
    const { hosts, secret } = this.#options
    const url = new URL(webhook.url)
    if (secret === undefined || hosts.refusal(webhook.url) !== undefined)
      return { failure: 'host not allowed' }
    const body = eventBody(webhook)
    // Few servers ever send one, and what sends takes time to load.
    const { sendWebhook } = await import('./webhook-sender.ts')
    return sendWebhook({
      url,
      body,
      headers: signedHeaders(webhook.id, body, { secret, atMs: this.#now() }),
      mayConnect: (ip) => hosts.mayConnect(url, ip),
      signal: this.#closing.signal,
    })
  }
}

/** Nothing changes by trying again: it has arrived, the receiver is gone for good (410), or the owner does not allow it any more. */
function isFinal(outcome: WebhookOutcome): boolean {
  if ('failure' in outcome) return outcome.failure === 'host not allowed'
  return outcome.status === 410 || (outcome.status >= 200 && outcome.status <= 299)
}
