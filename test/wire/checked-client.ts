import OpenAI from 'openai'
import { eventsOf, expectOrder } from '../responses/event-order.ts'
import { type OpenAIDocument, openAIDocument } from '../support/openai-document.ts'
import { problemsOfChat } from './chat-answer.ts'
import { problemsOfChatStream } from './chat-stream.ts'
import { problemsOfCompletion, problemsOfCompletionStream } from './completion-stream.ts'
import { asksForUsage, isObject, type Json, parsed, problemsOfError } from './frames.ts'

/** The official client, and what the rules and OpenAI's document say of every answer to it. */
export type CheckedClient = {
  client: OpenAI
  /** Of all answers so far; rejects nothing, and is empty where all is right. */
  problems: () => Promise<string[]>
  /** The operations of OpenAI's that were asked for and succeeded, as `GET /files/{file_id}`. */
  asked: ReadonlySet<string>
}

/** It does not repeat what failed. `baseURL` ends in `/v1`. */
export function checkedClient(baseURL: string, apiKey = 'unused'): CheckedClient {
  const seen: Promise<string[]>[] = []
  const asked = new Set<string>()
  const client = new OpenAI({
    baseURL,
    apiKey,
    maxRetries: 0,
    fetch: async (url, init) => {
      const response = await fetch(url, init)
      // The client tries out what `fetch` can with an address of its own.
      const address = url instanceof globalThis.Request ? url.url : url.toString()
      if (!address.startsWith(baseURL)) return response
      const path = address.slice(baseURL.length).split('?')[0] ?? ''
      const { method = 'GET', body } = init ?? {}
      const request = {
        method: method.toUpperCase(),
        path,
        body: typeof body === 'string' ? body : '',
      }
      const operation = openAIDocument()?.operation(request.method, path)
      if (operation && response.ok) asked.add(`${request.method} ${operation.path}`)
      seen.push(problemsOf(request, response.clone()))
      return response
    },
  })
  return { client, asked, problems: async () => (await Promise.all(seen)).flat() }
}

type Request = { method: string; path: string; body: string }

/** What is wrong with an answer of this server's in OpenAI's words, its headers included. */
export async function problemsOf(request: Request, response: Response): Promise<string[]> {
  const { method, path } = request
  const type = response.headers.get('content-type') ?? ''
  // What is in a file is its owner's business.
  const text = path.endsWith('/content') && response.ok ? '{}' : await response.text()
  const problems = [
    ...(response.headers.get('x-request-id') ? [] : ['no x-request-id']),
    ...(type.startsWith('text/event-stream')
      ? problemsOfStream(path, parsedObject(request.body), text)
      : problemsOfBody(request, response, parsed(text))),
  ]
  return problems.map((problem) => `${method} ${path}: ${problem}`)
}

function problemsOfStream(path: string, body: Json, text: string): string[] {
  const document = openAIDocument()
  if (path === '/chat/completions') return problemsOfChatStream(text, body, document)
  if (path === '/completions') {
    const asked = { choices: choicesOf(body), usage: asksForUsage(body) }
    return problemsOfCompletionStream(text, asked, document)
  }
  return problemsOfEvents(text, document)
}

/** What is wrong with a streamed response. */
export function problemsOfEvents(text: string, document: OpenAIDocument | undefined): string[] {
  try {
    const events = eventsOf(text)
    expectOrder(events)
    return events.flatMap((event) => document?.problems('ResponseStreamEvent', event) ?? [])
  } catch (error) {
    return [String(error)]
  }
}

function problemsOfBody({ method, path, body }: Request, { ok }: Response, value: unknown) {
  const document = openAIDocument()
  if (!ok) {
    return [...problemsOfError(value), ...(document?.problems('ErrorResponse', value) ?? [])]
  }
  const request = parsedObject(body)
  const n = typeof request.n === 'number' ? request.n : 1
  const isPost = method === 'POST'
  if (isPost && path === '/chat/completions') return problemsOfChat(value, n, document)
  if (isPost && path === '/completions')
    return problemsOfCompletion(value, choicesOf(request), document)
  const schema = document?.operation(method, path)?.schema
  return schema === undefined ? [] : (document?.problems(schema, value) ?? [])
}

function choicesOf({ prompt, n }: Json): number {
  return (Array.isArray(prompt) ? prompt.length : 1) * (typeof n === 'number' ? n : 1)
}

function parsedObject(text: string): Json {
  const value = parsed(text)
  return isObject(value) ? value : {}
}
