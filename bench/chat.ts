import { Agent, request } from 'undici'
import type { Sample } from './measure.ts'

export type ChatMessage = Record<string, unknown>

export type Answer = Sample & { message: ChatMessage }

/** Connections are kept, as every client library keeps them. */
const agent = new Agent({ connections: 256, pipelining: 1, bodyTimeout: 120_000 })

/** One streamed chat completion, read as a client reads it. `more` goes into the body. */
export async function chat(
  url: string,
  messages: readonly ChatMessage[],
  more: Record<string, unknown> = {},
): Promise<Answer> {
  const begin = performance.now()
  const { statusCode, body } = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sonnet', stream: true, messages, ...more }),
    dispatcher: agent,
  })
  if (statusCode !== 200) throw new Error(`The server answered ${statusCode}: ${await body.text()}`)
  let firstTokenMs = Number.NaN
  let text = ''
  for await (const piece of body.setEncoding('utf8')) {
    text += String(piece)
    if (Number.isNaN(firstTokenMs) && /"(content|arguments)":"[^"]/.test(text))
      firstTokenMs = performance.now() - begin
  }
  const totalMs = performance.now() - begin
  if (Number.isNaN(firstTokenMs) || !text.includes('data: [DONE]'))
    throw new Error(`The server gave no whole answer: ${text}`)
  return { firstTokenMs, totalMs, message: messageOf(text) }
}

type Delta = {
  content?: string
  tool_calls?: { index: number; id?: string; function: { name?: string; arguments: string } }[]
}

/** The answer as a client sends it back. */
function messageOf(stream: string): ChatMessage {
  let content = ''
  const calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[] =
    []
  for (const line of stream.split('\n')) {
    if (!line.startsWith('data: {')) continue
    const chunk = JSON.parse(line.slice(6)) as { choices?: { delta: Delta }[] }
    const delta = chunk.choices?.[0]?.delta ?? {}
    content += delta.content ?? ''
    for (const { index, id, function: made } of delta.tool_calls ?? []) {
      calls[index] ??= { id: id ?? '', type: 'function', function: { name: '', arguments: '' } }
      const call = calls[index]
      call.function.name += made.name ?? ''
      call.function.arguments += made.arguments
    }
  }
  return {
    role: 'assistant',
    content,
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}
