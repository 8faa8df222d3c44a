import OpenAI, { AzureOpenAI } from 'openai'
import { createApp } from '../../src/http/app.ts'
import type { HttpParts, ModelEntry } from '../../src/http/parts.ts'
import type { RequestFinished } from '../../src/telemetry/events.ts'
import type { Backend, TurnContext } from '../../src/turn/backend.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import type { Turn } from '../../src/turn/turn.ts'

/** A backend that does what a test says; `runs` is what it was asked. */
export type ScriptedBackend = Backend & { runs: { turn: Turn; context: TurnContext }[] }

export type Script = (turn: Turn, context: TurnContext, run: number) => AsyncIterable<TurnEvent>

export function scriptedBackend(script: Script): ScriptedBackend {
  const runs: ScriptedBackend['runs'] = []
  return {
    name: 'scripted',
    runs,
    run(turn, context) {
      runs.push({ turn, context })
      return script(turn, context, runs.length - 1)
    },
  }
}

export const usage = {
  inputTokens: 3,
  cacheReadTokens: 20,
  cacheCreationTokens: 100,
  outputTokens: 7,
  reasoningTokens: 2,
}

export const claude = { sessionId: 'session-1', costUsd: 0.0123, durationMs: 42, turns: 1 }

/** A plain answer: the texts as deltas of one block. */
export async function* says(...texts: string[]): AsyncGenerator<TurnEvent> {
  yield {
    type: 'start',
    id: 'msg-1',
    provider: 'claude',
    model: 'claude-test',
    sessionId: 'session-1',
  }
  yield { type: 'text-start', block: 0 }
  for (const text of texts) yield { type: 'text-delta', block: 0, text }
  yield { type: 'text-end', block: 0 }
  yield { type: 'finish', reason: 'stop', model: 'claude-test', usage, claude }
}

export type TestServer = AsyncDisposable & {
  url: string
  client: OpenAI
  azure: AzureOpenAI
  backend: ScriptedBackend
  finished: RequestFinished[]
  faults: unknown[]
  close: () => Promise<void>
  fetch: (path: string, init?: RequestInit) => Promise<Response>
  post: (body: unknown, headers?: Record<string, string>) => Promise<Response>
}

export type TestOptions = Partial<HttpParts['options']> &
  Partial<Omit<HttpParts, 'options' | 'backend' | 'telemetry' | 'metrics'>>

const models: ModelEntry[] = [
  { id: 'claude-code', created: 0, owned_by: 'anthropic' },
  { id: 'sonnet[1m]', created: 1_700_000_000, owned_by: 'anthropic', display_name: 'Sonnet' },
  { id: 'vendor/model', created: 0, owned_by: 'anthropic' },
]

/** The app on a free loopback port, with the official client. */
export async function serve(script: Script, options: TestOptions = {}): Promise<TestServer> {
  const { models: list, readiness, shutdown, stored, responses, seal, ...http } = options
  const backend = scriptedBackend(script)
  const finished: RequestFinished[] = []
  const faults: unknown[] = []
  const app = await createApp({
    options: {
      host: '127.0.0.1',
      corsOrigins: [],
      allowedHosts: [],
      bodyLimitBytes: 1024 * 1024,
      heartbeatMs: 10_000,
      readerMs: 10_000,
      strictParameters: false,
      maxChoices: 4,
      ...http,
    },
    backend,
    models: list ?? { list: async () => models },
    readiness: readiness ?? (async () => ({ ready: true, reasons: [] })),
    metrics: async () => ({ contentType: 'text/plain', text: 'a_metric 1' }),
    telemetry: {
      requestFinished: (event) => finished.push(event),
      fault: (error) => faults.push(error),
    },
    ...(shutdown && { shutdown }),
    ...(stored && { stored }),
    ...(responses && { responses }),
    ...(seal && { seal }),
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const apiKey = http.apiKey ?? 'any'
  const close = (): Promise<void> => app.close()
  return {
    url,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }),
    azure: new AzureOpenAI({
      baseURL: `${url}/v1`,
      apiKey,
      apiVersion: '2024-10-21',
      maxRetries: 0,
    }),
    backend,
    finished,
    faults,
    close,
    fetch: (path, init) => fetch(`${url}${path}`, init),
    post: (body, headers) =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body:
          typeof body === 'string' || body instanceof Uint8Array
            ? (body as string)
            : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: close,
  }
}

export const hello = [{ role: 'user' as const, content: 'Hello' }]

/** Waits until something holds; the test's own time limit ends it otherwise. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Everything that an iterable gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
