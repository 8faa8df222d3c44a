import { z } from 'zod'
import type { TestServer } from '../../support/server.ts'

/**
 * One major version of the `openai` package: each call is written in a file of the major's own, so that it is checked against
 * the types that this major has, and what comes back against what every one of them promises.
 */
export interface Major {
  /** Its classes of errors. */
  readonly errors: Record<ErrorName, new (...args: never[]) => Error>
  chat(asked?: Asked): Promise<Chat>
  chunks(asked?: Asked): Promise<AsyncIterable<Chunk>>
  /** The helper for streams: the text as it grew, and the whole. */
  stream(): Promise<{ snapshots: string[]; whole: Chat }>
  /** The helper that runs functions: the last words. `asked` gets the city of each call. */
  runTools(asked: string[], stream: boolean): Promise<string | null>
  parse(): Promise<unknown>
  respond(input: string, previous_response_id?: string): Promise<Response>
  /** The helper for streams of responses. */
  respondStreamed(): Promise<{ snapshots: string[]; whole: Response }>
  respondParsed(): Promise<unknown>
  azure(): Promise<Chat>
  models(): Promise<{ ids: string[]; one: string }>
  /** A call of a custom tool, read by the helper for streams; absent where the major knows no custom tools. */
  custom?(): Promise<unknown>
}

export type ErrorName =
  | 'APIError'
  | 'AuthenticationError'
  | 'BadRequestError'
  | 'InternalServerError'
  | 'NotFoundError'
  | 'RateLimitError'

/** What differs from the usual question. */
export type Asked = { model?: string; max_completion_tokens?: number }

export type Chat = {
  choices: { finish_reason: string; message: { content: string | null; refusal: string | null } }[]
  usage?: { prompt_tokens: number; completion_tokens: number } | undefined
  _request_id?: string | null | undefined
}

export type Chunk = {
  id: string
  choices: { delta: { content?: string | null }; finish_reason: string | null }[]
  usage?: { completion_tokens: number } | null
}

export type Response = {
  id: string
  output_text: string
  status?: string
  usage?: { input_tokens: number; output_tokens: number }
}

/** Where a major's clients find the server, and the key that it asks for. */
export type Place = Pick<TestServer, 'url' | 'baseURL'> & { apiKey: string }

export const apiVersion = '2024-10-21'
export const model = 'sonnet'
export const question = { role: 'user', content: 'Where is the sun?' } as const

const parameters = {
  type: 'object',
  properties: { city: { type: 'string' }, sunny: { type: 'boolean' } },
  required: ['city', 'sunny'],
  additionalProperties: false,
}

/** The form of an answer, for majors whose helper for zod wants another zod than this project's. */
export const format = {
  type: 'json_schema',
  name: 'found',
  strict: true,
  schema: parameters,
} as const
export const chatFormat = {
  type: 'json_schema',
  json_schema: { name: 'found', strict: true, schema: parameters },
} as const
export const Found = z.object({ city: z.string(), sunny: z.boolean() })

export const note = { type: 'custom', custom: { name: 'note', description: 'Notes.' } } as const

/** A function for the helper that runs functions. */
export function weather(asked: string[]) {
  return {
    type: 'function' as const,
    function: {
      name: 'get_weather',
      description: 'The weather of a city.',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      parse: (text: string) => JSON.parse(text) as { city: string },
      function: ({ city }: { city: string }) => {
        asked.push(city)
        return `${city}: sun`
      },
    },
  }
}
