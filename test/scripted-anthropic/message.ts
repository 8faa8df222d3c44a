import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  Message,
  RawContentBlockDelta,
  RawMessageStreamEvent,
  StopReason,
  Usage,
} from '@anthropic-ai/sdk/resources/messages'
import { deltas, emptyBlock, type ScriptedBlock, wholeBlock } from './block.ts'

/** What the script says of a message; the rest has defaults. */
export type MessageOptions = {
  /** Token counts; 10 in and 7 out without. */
  usage?: Partial<Usage>
  /** The model that says it answers; without, the one that was asked for. */
  model?: string
}

type Event =
  | RawMessageStreamEvent
  | { type: 'error'; error: { type: string; message: string } }
  | { type: 'ping' }

/** A whole message, as the API answers without `stream`. */
export function wholeMessage(
  requestedModel: string,
  blocks: ScriptedBlock[],
  stopReason: StopReason,
  options: MessageOptions,
): Message {
  return {
    ...emptyMessage(requestedModel, options),
    content: blocks.map(wholeBlock),
    stop_reason: stopReason,
    usage: usageOf(options),
  }
}

/** A streamed answer under way: each method writes its events at once. */
export class MessageStream {
  readonly #response: ServerResponse
  readonly #options: MessageOptions
  #blocks = 0

  /** Sends the headers and `message_start`. */
  constructor(response: ServerResponse, requestedModel: string, options: MessageOptions = {}) {
    this.#response = response
    this.#options = options
    startEventStream(response)
    this.#write({ type: 'message_start', message: emptyMessage(requestedModel, options) })
    this.#write({ type: 'ping' })
  }

  /** A content block from its start to its end, waiting `delayMs` between the pieces of a text. */
  async block(block: ScriptedBlock, delayMs = 0): Promise<void> {
    const index = this.open(block)
    for (const [piece, delta] of deltas(block).entries()) {
      if (piece > 0 && delayMs > 0) await sleep(delayMs)
      this.delta(index, delta)
    }
    this.#write({ type: 'content_block_stop', index })
  }

  /** Starts a block that the caller may leave open; returns its index. */
  open(block: ScriptedBlock): number {
    const index = this.#blocks++
    this.#write({ type: 'content_block_start', index, content_block: emptyBlock(block) })
    return index
  }

  delta(index: number, delta: RawContentBlockDelta): void {
    this.#write({ type: 'content_block_delta', index, delta })
  }

  /** The `error` event that the API sends when it fails after the headers. */
  fail(type: string, message: string): void {
    this.#write({ type: 'error', error: { type, message } })
    this.#response.end()
  }

  finish(stopReason: StopReason): void {
    this.#write({
      type: 'message_delta',
      delta: {
        container: null,
        stop_details: null,
        stop_reason: stopReason,
        stop_sequence: null,
      },
      usage: usageOf(this.#options),
    })
    this.#write({ type: 'message_stop' })
    this.#response.end()
  }

  #write(event: Event): void {
    if (this.#response.destroyed) return
    this.#response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  }
}

/** The headers of a streamed answer, on the wire at once. */
export function startEventStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_scripted' })
  response.flushHeaders()
}

/** An answer that failed before it began, with Anthropic's error body. */
export function sendError(
  response: ServerResponse,
  status: number,
  error: { type: string; message: string },
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'request-id': 'req_scripted',
    ...headers,
  })
  response.end(JSON.stringify({ type: 'error', error, request_id: 'req_scripted' }))
}

/** Waits until the client has left. */
export async function untilClosed(response: ServerResponse): Promise<void> {
  if (!response.closed) await once(response, 'close')
}

function emptyMessage(requestedModel: string, options: MessageOptions): Message {
  return {
    id: `msg_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`,
    type: 'message',
    role: 'assistant',
    model: options.model ?? requestedModel,
    container: null,
    content: [],
    diagnostics: null,
    stop_details: null,
    stop_reason: null,
    stop_sequence: null,
    // At the start the API has counted its input, and one token or so of its output.
    usage: { ...usageOf(options), output_tokens: 1, output_tokens_details: null },
  }
}

function usageOf({ usage }: MessageOptions): Usage {
  return {
    input_tokens: 10,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 7,
    cache_creation: null,
    inference_geo: null,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: 'standard',
    speed: null,
    ...usage,
  }
}
