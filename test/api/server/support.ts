import OpenAI from 'openai'
import type { RecordedRequest, Step } from '../../scripted-anthropic/server.ts'
import { conversation, raw } from '../../scripted-anthropic/server.ts'
import { MessageStream, untilClosed } from '../../scripted-anthropic/message.ts'

type Completion = OpenAI.Chat.ChatCompletion
type Chunk = OpenAI.Chat.ChatCompletionChunk

/** What this server adds to OpenAI's answer. */
export type ClaudeExtension = {
  session_id: string
  cost_usd: number
  duration_ms: number
  turns: number
}
export type Extended<Answer> = Answer & { claude?: ClaudeExtension }

export type Asking = Partial<OpenAI.Chat.ChatCompletionCreateParams> & {
  /** What the official types do not have. */
  [extra: string]: unknown
}

export const hello = [{ role: 'user' as const, content: 'Hello' }]

/** A whole answer and its headers. */
export async function ask(
  client: OpenAI,
  request: Asking = {},
): Promise<{ answer: Extended<Completion>; headers: Headers; text: string }> {
  const { data, response } = await client.chat.completions
    .create({ model: 'sonnet', messages: hello, ...request, stream: false })
    .withResponse()
  const text = data.choices[0]?.message.content ?? ''
  return { answer: data, headers: response.headers, text }
}

/** A streamed answer as it comes, and its headers. */
export async function askStream(
  client: OpenAI,
  request: Asking = {},
): Promise<{
  chunks: AsyncIterable<Extended<Chunk>>
  headers: Headers
  controller: AbortController
}> {
  const { data, response } = await client.chat.completions
    .create({ model: 'sonnet', messages: hello, ...request, stream: true })
    .withResponse()
  return { chunks: data, headers: response.headers, controller: data.controller }
}

/** Everything that a stream said, and how it ended. */
export type Read = { chunks: Extended<Chunk>[]; text: string; error: unknown }

export async function readAll(chunks: AsyncIterable<Extended<Chunk>>): Promise<Read> {
  const read: Read = { chunks: [], text: '', error: undefined }
  try {
    for await (const chunk of chunks) {
      read.chunks.push(chunk)
      read.text += contentOf(chunk)
    }
  } catch (error) {
    read.error = error
  }
  return read
}

export function contentOf(chunk: Chunk | undefined): string {
  return chunk?.choices[0]?.delta.content ?? ''
}

/** The error that the client throws for a request that must fail. */
export async function failure(
  promise: Promise<unknown>,
): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await promise.then(
    (answer) => new Error(`It succeeded: ${JSON.stringify(answer)}`),
    (thrown: unknown) => thrown,
  )
  if (error instanceof OpenAI.APIError) return error
  throw error
}

/** The body of a chat completion, sent without the client. */
export function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** The data of each frame of a stream, comments left out. */
export function framesOf(text: string): string[] {
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => frame.slice('data: '.length))
}

/** The text of the last message that a user wrote to the model. */
export function questionOf(request: RecordedRequest): string {
  const last = conversation(request).findLast(({ role }) => role === 'user')
  return (last?.content ?? []).map(({ text }) => String(text ?? '')).join('')
}

/** A gate that a script waits at until the test opens it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const handle: { open?: () => void } = {}
  const opened = new Promise<void>((resolve) => {
    handle.open = resolve
  })
  return { opened, open: () => handle.open?.() }
}

/** The step, once `opened` is. */
export function after(opened: Promise<void>, step: Step): Step {
  return raw(async (response, request) => {
    await opened
    await step(response, request)
  })
}

/** Waits until something holds; throws what did not within `limitMs`. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Not within ${limitMs} ms: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Some words at once, the others when `opened` is. */
export function saysInTwo(first: string, opened: Promise<void>, second: string): Step {
  return raw(async (response, request) => {
    const stream = new MessageStream(response, request.model)
    await stream.block({ type: 'text', chunks: [first] })
    await opened
    await stream.block({ type: 'text', chunks: [second] })
    stream.finish('end_turn')
  })
}

/** The words piece by piece, and then nothing more until the client leaves. */
export function saysAndHangs(...pieces: string[]): Step {
  return raw(async (response, request) => {
    const stream = new MessageStream(response, request.model)
    const index = stream.open({ type: 'text', chunks: [] })
    for (const text of pieces) {
      stream.delta(index, { type: 'text_delta', text })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await untilClosed(response)
  })
}
