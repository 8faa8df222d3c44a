import Anthropic from '@anthropic-ai/sdk'
import { problemsOfError, problemsOfMessage, problemsOfStream } from './checker.ts'

/** The official client, and what the strict checker says of every answer to it. */
export type CheckedClient = {
  client: Anthropic
  /** Of all answers so far; rejects nothing, and is empty where all is right. */
  problems: () => Promise<string[]>
}

/** `url` without `/v1`, as Anthropic's clients want it. It does not repeat what failed. */
export function checkedClient(url: string, apiKey = 'unused'): CheckedClient {
  const seen: Promise<string[]>[] = []
  const client = new Anthropic({
    baseURL: url,
    apiKey,
    maxRetries: 0,
    fetch: async (...call: Parameters<typeof fetch>) => {
      const response = await fetch(...call)
      seen.push(problemsOf(response.clone()))
      return response
    },
  })
  return { client, problems: async () => (await Promise.all(seen)).flat() }
}

/** What is wrong with an answer of `/v1/messages`, its headers included. */
export async function problemsOf(response: Response): Promise<string[]> {
  const text = await response.text()
  return [...problemsOfHeaders(response.headers), ...problemsOfText(response, text)]
}

function problemsOfHeaders(headers: Headers): string[] {
  const id = headers.get('request-id')
  return id && id === headers.get('x-request-id') ? [] : ['the request has no id in its headers']
}

function problemsOfText({ ok, headers }: Response, text: string): string[] {
  if (headers.get('content-type')?.startsWith('text/event-stream')) return problemsOfStream(text)
  const body: unknown = JSON.parse(text)
  if (!ok) return problemsOfError(body)
  return typeof body === 'object' && body !== null && 'input_tokens' in body
    ? []
    : problemsOfMessage(body)
}

/** The error that the client throws for a request that must fail. */
export async function failure(
  promise: PromiseLike<unknown>,
): Promise<InstanceType<typeof Anthropic.APIError>> {
  const thrown = await promise.then(
    (answer) => new Error(`It succeeded: ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  )
  if (thrown instanceof Anthropic.APIError) return thrown
  throw thrown
}
