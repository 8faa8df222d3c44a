import type { ServerResponse } from 'node:http'
import type {
  ChatCompletionChunk,
  ChatCompletionCreateParams,
  ChatCompletionFunctionTool,
  ChatCompletionMessageToolCall,
} from 'openai/resources/chat/completions'
import { conversation, raw, type RecordedRequest, type Step } from '../scripted-anthropic/server.ts'
import type { TestServer } from '../support/server.ts'

/** What a request may have, `claude_options` included. */
export type Chat = ChatCompletionCreateParams & { claude_options?: Record<string, unknown> }

/** A function tool with a city as its one argument. */
export function cityTool(name: string, more: object = {}): ChatCompletionFunctionTool {
  return {
    type: 'function',
    function: {
      name,
      description: `What ${name} is for.`,
      parameters: {
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
      },
      ...more,
    },
  }
}

export const weather = cityTool('get_weather')
export const question = { role: 'user', content: 'How is the weather?' } as const

/** What was called and with what, of function calls. */
export function callsOf(calls: readonly ChatCompletionMessageToolCall[] | undefined): unknown[] {
  return (calls ?? []).map((call) =>
    call.type === 'function'
      ? { id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments) }
      : { id: call.id, name: call.custom.name, input: call.custom.input },
  )
}

/** The requests that the model gets while `act` runs. */
export async function requestsDuring<T>(
  { anthropic }: TestServer,
  act: () => Promise<T>,
): Promise<{ value: T; requests: RecordedRequest[] }> {
  const before = anthropic.requests.length
  const value = await act()
  return { value, requests: anthropic.requests.slice(before) }
}

/** The last message that the model was sent. */
export function lastMessage(request: RecordedRequest | undefined) {
  return request && conversation(request).at(-1)
}

/** A message streamed event by event; a function among them is waited for. */
export function streams(
  ...pieces: (Readonly<Record<string, unknown>> | (() => Promise<unknown>))[]
): Step {
  return raw(async (response, request) => {
    const message = {
      id: `msg_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`,
      type: 'message',
      role: 'assistant',
      model: request.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 1 },
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_scripted' })
    write(response, { type: 'message_start', message })
    for (const piece of pieces) {
      if (typeof piece === 'function') await piece()
      else write(response, piece)
    }
    response.end()
  })
}

/** The events of one call, its input in these fragments. */
export function callEvents(
  index: number,
  call: { id: string; name: string },
  fragments: readonly string[],
): Record<string, unknown>[] {
  return [
    { type: 'content_block_start', index, content_block: { type: 'tool_use', ...call, input: {} } },
    ...fragments.map((partial_json) => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'input_json_delta', partial_json },
    })),
    { type: 'content_block_stop', index },
  ]
}

/** The end of a streamed message. */
export function ends(stop_reason: string): Record<string, unknown>[] {
  return [
    {
      type: 'message_delta',
      delta: { stop_reason, stop_sequence: null },
      usage: { input_tokens: 10, output_tokens: 7 },
    },
    { type: 'message_stop' },
  ]
}

/** The deltas of a stream, without those that say nothing. */
export async function deltasOf(stream: AsyncIterable<ChatCompletionChunk>): Promise<{
  deltas: unknown[]
  reason: string | null | undefined
  chunks: ChatCompletionChunk[]
}> {
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  const choices = chunks.flatMap(({ choices: [choice] }) => (choice ? [choice] : []))
  return {
    chunks,
    deltas: choices.map(({ delta }) => delta).filter((delta) => Object.keys(delta).length > 0),
    reason: choices.at(-1)?.finish_reason,
  }
}

function write(response: ServerResponse, event: Readonly<Record<string, unknown>>): void {
  if (response.destroyed) return
  response.write(`event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`)
}
