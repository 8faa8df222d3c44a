import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** One scripted answer: writes it to the response. */
export type Step = (
  response: ServerResponse,
  request: { model: string; stream?: boolean },
) => void | Promise<void>

export type ScriptedUsage = {
  input_tokens?: number
  cache_read_input_tokens?: number
  cache_creation_input_tokens?: number
  output_tokens?: number
  output_tokens_details?: { thinking_tokens: number }
}

export type SaysOptions = {
  /** Between two chunks. */
  delayMs?: number
  thinking?: string
  usage?: ScriptedUsage
  model?: string
  stopReason?: string
}

type Block =
  | { type: 'thinking'; thinking: string }
  | { type: 'text'; chunks: string[] }
  | { type: 'tool_use'; id: string; name: string; input: unknown }

/** An answer in words, chunk by chunk. */
export function says(text: string | string[], options: SaysOptions = {}): Step {
  const chunks = typeof text === 'string' ? text.split(/(?<= )/) : text
  const thinking: Block[] =
    options.thinking === undefined ? [] : [{ type: 'thinking', thinking: options.thinking }]
  return message([...thinking, { type: 'text', chunks }], options)
}

/** Tool calls, after some words if there are any. */
export function callsTools(
  calls: { id?: string; name: string; input: unknown; text?: string }[],
  options: SaysOptions = {},
): Step {
  const blocks = calls.flatMap(({ id, name, input, text }): Block[] => [
    ...(text === undefined ? [] : [{ type: 'text', chunks: [text] } as const]),
    {
      type: 'tool_use',
      id: id ?? `toolu_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`,
      name,
      input,
    },
  ])
  return message(blocks, { stopReason: 'tool_use', ...options })
}

/** Ends with another stop reason: `max_tokens`, `refusal`. */
export function stopsWith(stopReason: string, text: string): Step {
  return says(text, { stopReason })
}

/** An error status with Anthropic's error body. */
export function fails(
  status: number,
  type: string,
  text: string,
  headers: Record<string, string> = {},
): Step {
  return (response) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'request-id': 'req_scripted',
      ...headers,
    })
    response.end(JSON.stringify({ type: 'error', error: { type, message: text } }))
  }
}

/** An error event inside a 200, after some words. */
export function streamError(after: string, type: string, text: string): Step {
  return (response, request) => {
    begin(response, request, {})
    if (after !== '') textDelta(response, 0, [after])
    event(response, { type: 'error', error: { type, message: text } })
    response.end()
  }
}

/** The connection breaks after some words. */
export function cutsAfter(text: string): Step {
  return async (response, request) => {
    begin(response, request, {})
    textDelta(response, 0, [text])
    await sleep(50)
    response.destroy()
  }
}

/** Headers, then nothing until the client leaves. */
export function stalls(): Step {
  return stallsAfter('')
}

/** Some words, then nothing until the client leaves. */
export function stallsAfter(text: string): Step {
  return async (response, request) => {
    begin(response, request, {})
    if (text !== '') textDelta(response, 0, [text])
    await once(response, 'close')
  }
}

/** Not even headers. */
export function silent(): Step {
  return async (response) => {
    await once(response, 'close')
  }
}

/** The same words again and again until the client leaves. */
export function drips(text: string, intervalMs: number): Step {
  return async (response, request) => {
    begin(response, request, {})
    event(response, {
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'text', text: '' },
    })
    while (!response.destroyed) {
      event(response, {
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text },
      })
      await sleep(intervalMs)
    }
  }
}

export function raw(write: (response: ServerResponse) => void | Promise<void>): Step {
  return write
}

function message(blocks: Block[], options: SaysOptions): Step {
  return async (response, request) => {
    if (request.stream !== true) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify({
          ...head(request, options),
          content: blocks.map(whole),
          stop_reason: options.stopReason ?? 'end_turn',
        }),
      )
      return
    }
    begin(response, request, options)
    for (const [index, block] of blocks.entries())
      await writeBlock(response, index, block, options.delayMs ?? 0)
    const { output_tokens = 7, output_tokens_details } = options.usage ?? {}
    event(response, {
      type: 'message_delta',
      delta: { stop_reason: options.stopReason ?? 'end_turn', stop_sequence: null },
      usage: { output_tokens, ...(output_tokens_details && { output_tokens_details }) },
    })
    event(response, { type: 'message_stop' })
    response.end()
  }
}

async function writeBlock(
  response: ServerResponse,
  index: number,
  block: Block,
  delayMs: number,
): Promise<void> {
  switch (block.type) {
    case 'thinking':
      event(response, {
        type: 'content_block_start',
        index,
        content_block: { type: 'thinking', thinking: '', signature: '' },
      })
      event(response, {
        type: 'content_block_delta',
        index,
        delta: { type: 'thinking_delta', thinking: block.thinking },
      })
      event(response, {
        type: 'content_block_delta',
        index,
        delta: { type: 'signature_delta', signature: 'c2lnbmVk' },
      })
      break
    case 'text':
      event(response, {
        type: 'content_block_start',
        index,
        content_block: { type: 'text', text: '' },
      })
      for (const text of block.chunks) {
        event(response, { type: 'content_block_delta', index, delta: { type: 'text_delta', text } })
        if (delayMs > 0) await sleep(delayMs)
      }
      break
    case 'tool_use': {
      const { id, name } = block
      event(response, {
        type: 'content_block_start',
        index,
        content_block: { type: 'tool_use', id, name, input: {} },
      })
      const json = JSON.stringify(block.input)
      const half = Math.ceil(json.length / 2)
      for (const partial_json of [json.slice(0, half), json.slice(half)]) {
        event(response, {
          type: 'content_block_delta',
          index,
          delta: { type: 'input_json_delta', partial_json },
        })
      }
      break
    }
  }
  event(response, { type: 'content_block_stop', index })
}

function textDelta(response: ServerResponse, index: number, chunks: string[]): void {
  event(response, { type: 'content_block_start', index, content_block: { type: 'text', text: '' } })
  for (const text of chunks)
    event(response, { type: 'content_block_delta', index, delta: { type: 'text_delta', text } })
}

function begin(response: ServerResponse, request: { model: string }, options: SaysOptions): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  event(response, {
    type: 'message_start',
    message: { ...head(request, options), content: [], stop_reason: null },
  })
}

function head(request: { model: string }, { usage, model }: SaysOptions): Record<string, unknown> {
  return {
    id: `msg_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`,
    type: 'message',
    role: 'assistant',
    model: model ?? request.model,
    stop_sequence: null,
    usage: {
      input_tokens: usage?.input_tokens ?? 10,
      cache_creation_input_tokens: usage?.cache_creation_input_tokens ?? 0,
      cache_read_input_tokens: usage?.cache_read_input_tokens ?? 0,
      output_tokens: usage?.output_tokens ?? 1,
    },
  }
}

function whole(block: Block): Record<string, unknown> {
  switch (block.type) {
    case 'thinking':
      return { ...block, signature: 'c2lnbmVk' }
    case 'text':
      return { type: 'text', text: block.chunks.join('') }
    case 'tool_use':
      return block
  }
}

function event(response: ServerResponse, data: { type: string; [field: string]: unknown }): void {
  response.write(`event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`)
}
