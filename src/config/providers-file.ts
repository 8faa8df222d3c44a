import { readFileSync } from 'node:fs'
import * as z from 'zod'
import type { Environment } from './env.ts'
import { httpUrl, secretText } from './kinds.ts'

const seconds = z.number().min(0.01).max(604_800)
const name = z.string().regex(/^[\w.-]{1,64}$/, {
  error: 'must be up to 64 letters, digits, ".", "_" and "-"',
})

/** What is not a turn, by the first part of its path. */
export const passedEndpoints = ['embeddings', 'audio', 'images', 'moderations', 'rerank'] as const
export type PassedEndpoint = (typeof passedEndpoints)[number]

/** Fields that routing writes itself, or that would break the request. */
const reservedHeaders = /^(host|connection|content-length|content-type|transfer-encoding|accept)$/i

/** US dollars a million tokens. */
const dollars = z.number().min(0).max(1_000_000)
const price = z.strictObject({
  input: dollars,
  output: dollars,
  cached_input: dollars.optional(),
})

const provider = z.strictObject({
  name,
  url: z.string().refine((url) => httpUrl.parse(url) !== undefined, {
    error: `must be ${httpUrl.expects.replaceAll('`', '')}`,
  }),
  key: z
    .string()
    .refine((key) => secretText.parse(key) !== undefined, {
      error: `must be ${secretText.expects}`,
    })
    .optional(),
  key_env: z.string().min(1).optional(),
  model: z.string().min(1).optional(),
  models: z.record(z.string(), z.string().min(1)).optional(),
  headers: z
    .record(
      z.string().regex(/^[\w-]+$/, { error: 'is not a header name' }),
      z.string().regex(/^[\x20-\x7e]*$/, { error: 'must be visible ASCII' }),
    )
    .refine((headers) => !Object.keys(headers).some((header) => reservedHeaders.test(header)), {
      error: 'must not set headers that the server writes itself',
    })
    .optional(),
  timeouts: z
    .strictObject({
      connect_seconds: seconds,
      header_seconds: seconds,
      first_output_seconds: seconds,
      idle_seconds: seconds,
      answer_seconds: seconds,
      silence_seconds: seconds,
      turn_seconds: seconds,
    })
    .partial()
    .optional(),
  can: z
    .strictObject({
      tools: z.boolean(),
      images: z.boolean(),
      streaming: z.boolean(),
      schema: z.boolean(),
    })
    .partial()
    .optional(),
  endpoints: z.array(z.enum(passedEndpoints)).optional(),
  context_tokens: z.int().positive().optional(),
  price: price.optional(),
  prices: z.record(z.string(), price).optional(),
  group: name.optional(),
  weight: z.number().positive().max(1_000_000).optional(),
})

const file = z.strictObject({ providers: z.array(provider).max(100) })

export type Price = { inputUsd: number; outputUsd: number; cachedInputUsd?: number }

/** An OpenAI-compatible API that answers when those before it cannot; times are milliseconds. */
export type FallbackConfig = {
  name: string
  url: string
  key?: string
  model?: string
  models?: Record<string, string>
  headers?: Record<string, string>
  timeouts?: Partial<
    Record<
      'connectMs' | 'headersMs' | 'firstOutputMs' | 'idleMs' | 'answerMs' | 'silenceMs' | 'turnMs',
      number
    >
  >
  can?: Partial<Record<'tools' | 'images' | 'streaming' | 'schema', boolean>>
  /** Absent: nobody said. */
  endpoints?: PassedEndpoint[]
  contextTokens?: number
  /** In US dollars a million tokens: of every model, and of some by their names there. */
  price?: Price
  prices?: Record<string, Price>
  group?: string
  weight?: number
}

/** The fallbacks of `PROVIDERS_FILE`, or what is wrong; a problem never quotes the text, which may hold keys. */
export function readProvidersFile(
  path: string | undefined,
  environment: Environment,
): { fallbacks: FallbackConfig[]; problems: string[] } {
  if (path === undefined) return { fallbacks: [], problems: [] }
  const read = readJson(path)
  if ('problem' in read) return { fallbacks: [], problems: [read.problem] }
  const parsed = file.safeParse(read.value)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `PROVIDERS_FILE: ${issue.path.join('.') || 'it'}: ${issue.message}`,
    )
    return { fallbacks: [], problems }
  }
  const problems = parsed.data.providers.flatMap(({ name, key, key_env }) => {
    if (key_env === undefined) return []
    if (key !== undefined) return [`PROVIDERS_FILE: ${name} has key and key_env; leave one out`]
    return environment[key_env] ? [] : [`PROVIDERS_FILE: ${name}: ${key_env} is not set`]
  })
  return { fallbacks: parsed.data.providers.map((row) => toConfig(row, environment)), problems }
}

function readJson(path: string): { value: unknown } | { problem: string } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return { problem: `PROVIDERS_FILE could not be read; correct the path or make it readable` }
  }
  try {
    return { value: JSON.parse(text) }
  } catch {
    // The parser's message would quote the text.
    return { problem: 'PROVIDERS_FILE is not JSON; it may be {"providers": [{"name", "url", …}]}' }
  }
}

function toConfig(row: z.infer<typeof provider>, environment: Environment): FallbackConfig {
  const key = row.key ?? (row.key_env === undefined ? undefined : environment[row.key_env])
  return withoutUndefined({
    name: row.name,
    url: row.url.replace(/\/+$/, ''),
    key,
    model: row.model,
    models: row.models,
    headers: row.headers,
    timeouts: row.timeouts && toTimeouts(row.timeouts),
    can: row.can,
    endpoints: row.endpoints,
    contextTokens: row.context_tokens,
    price: row.price && toPrice(row.price),
    prices:
      row.prices &&
      Object.fromEntries(Object.entries(row.prices).map(([model, own]) => [model, toPrice(own)])),
    group: row.group,
    weight: row.weight,
  })
}

function toPrice({ input, output, cached_input }: z.infer<typeof price>): Price {
  return withoutUndefined({ inputUsd: input, outputUsd: output, cachedInputUsd: cached_input })
}

function toTimeouts(
  timeouts: NonNullable<z.infer<typeof provider>['timeouts']>,
): NonNullable<FallbackConfig['timeouts']> {
  return withoutUndefined({
    connectMs: milliseconds(timeouts.connect_seconds),
    headersMs: milliseconds(timeouts.header_seconds),
    firstOutputMs: milliseconds(timeouts.first_output_seconds),
    idleMs: milliseconds(timeouts.idle_seconds),
    answerMs: milliseconds(timeouts.answer_seconds),
    silenceMs: milliseconds(timeouts.silence_seconds),
    turnMs: milliseconds(timeouts.turn_seconds),
  })
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}

type Defined<T> = { [Name in keyof T]: Exclude<T[Name], undefined> }

function withoutUndefined<T extends object>(value: T): Defined<T> {
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}
