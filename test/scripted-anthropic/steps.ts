import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StopReason } from '@anthropic-ai/sdk/resources/messages'
import type { ScriptedBlock } from './block.ts'
import {
  type MessageOptions,
  MessageStream,
  sendError,
  startEventStream,
  untilClosed,
  wholeMessage,
} from './message.ts'
import type { MessagesRequest } from './request.ts'

/** One scripted answer: writes itself to the response. `request.stream` says which form is wanted. */
export type Step = (response: ServerResponse, request: MessagesRequest) => void | Promise<void>

export type SaysOptions = MessageOptions & {
  /** Between two chunks of text. */
  delayMs?: number
  /** A thinking block before the text. */
  thinking?: string
  /** A block of thinking that only the API can read, before the text. */
  redacted?: string
}

/** `text` before the call is said in a block of its own. */
export type ScriptedToolCall = { id?: string; name: string; input: unknown; text?: string }

/** An answer in words, streamed chunk by chunk; a string is cut after each space. */
export function says(text: string | string[], options: SaysOptions = {}): Step {
  return answers([...thought(options), words(text)], 'end_turn', options)
}

/** Tool calls, after some words if there are any. */
export function callsTools(calls: ScriptedToolCall[], options: SaysOptions = {}): Step {
  const blocks = calls.flatMap(({ id, name, input, text }): ScriptedBlock[] => [
    ...(text === undefined ? [] : [words(text)]),
    { type: 'tool_use', id: id ?? toolUseId(), name, input },
  ])
  return answers([...thought(options), ...blocks], 'tool_use', options)
}

/** Words that end for another reason than that all was said, such as `max_tokens` or `refusal`. */
export function stopsWith(reason: StopReason, text: string, options: SaysOptions = {}): Step {
  return answers([...thought(options), words(text)], reason, options)
}

/** An error status with Anthropic's error body. */
export function fails(
  status: number,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): Step {
  return (response) => sendError(response, status, { type, message }, headers)
}

/** An error event inside a 200, after some words. Without `stream` there is no inside: it answers 529. */
export function streamError(after: string, type: string, message: string): Step {
  return (response, request) => {
    if (request.stream !== true) return sendError(response, 529, { type, message })
    begin(response, request, after).fail(type, message)
  }
}

/** The connection breaks after some words. */
export function cutsAfter(text: string): Step {
  return async (response, request) => {
    begin(response, request, text)
    // What was written must leave the socket first, or the client would see a refused connection instead.
    await sleep(50)
    response.destroy()
  }
}

/** Headers, then nothing until the client leaves. */
export function stalls(): Step {
  return async (response) => {
    startEventStream(response)
    await untilClosed(response)
  }
}

/** The start of a message and some words, then nothing until the client leaves. */
export function stallsAfter(text: string): Step {
  return async (response, request) => {
    begin(response, request, text)
    await untilClosed(response)
  }
}

/** Not even headers, until the client leaves. */
export function silent(): Step {
  return untilClosed
}

/** The same words every `intervalMs` until the client leaves. */
export function drips(text: string, intervalMs: number): Step {
  return async (response, request) => {
    const stream = new MessageStream(response, request.model)
    const index = stream.open({ type: 'text', chunks: [] })
    const timer = setInterval(() => stream.delta(index, { type: 'text_delta', text }), intervalMs)
    await untilClosed(response)
    clearInterval(timer)
  }
}

/** Anything else: the function has the response to itself. */
export function raw(write: Step): Step {
  return write
}

function answers(blocks: ScriptedBlock[], stopReason: StopReason, options: SaysOptions): Step {
  return async (response, request) => {
    if (request.stream !== true) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(wholeMessage(request.model, blocks, stopReason, options)))
      return
    }
    const stream = new MessageStream(response, request.model, options)
    for (const block of blocks) await stream.block(block, options.delayMs)
    stream.finish(stopReason)
  }
}

/** The start of a streamed message whose only block stays open. */
function begin(response: ServerResponse, request: MessagesRequest, text: string): MessageStream {
  const stream = new MessageStream(response, request.model)
  if (text !== '') {
    const index = stream.open({ type: 'text', chunks: [] })
    stream.delta(index, { type: 'text_delta', text })
  }
  return stream
}

function words(text: string | string[]): ScriptedBlock {
  return { type: 'text', chunks: typeof text === 'string' ? text.split(/(?<= )/) : text }
}

function thought({ thinking, redacted: data }: SaysOptions): ScriptedBlock[] {
  return [
    ...(thinking === undefined ? [] : [{ type: 'thinking' as const, thinking }]),
    ...(data === undefined ? [] : [{ type: 'redacted_thinking' as const, data }]),
  ]
}

function toolUseId(): string {
  return `toolu_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`
}
