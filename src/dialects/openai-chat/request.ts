import { z } from 'zod'
import { efforts } from '../../turn/turn.ts'
import { messageSchema } from './message-schema.ts'
import { claudeOptionsSchema } from './options.ts'
import { firstProblem } from './problem.ts'
import {
  functionSchema,
  responseFormatSchema,
  toolChoiceSchema,
  toolSchema,
} from './tool-schema.ts'

const object = z.looseObject({}).nullish()
const text = z.string().nullish()
const flag = z.boolean().nullish()
const tokens = z.int().min(1).nullish()
const penalty = z.number().min(-2).max(2).nullish()

/** Up to 16 pairs that a caller keeps with something stored. */
export const metadataSchema = z
  .record(z.string().max(64), z.string().max(512), {
    error: 'an object of at most 16 texts',
  })
  .refine((pairs) => Object.keys(pairs).length <= 16, 'an object of at most 16 texts')

/**
 * The request as OpenAI's schema has it (state of 2026-08), with null for absent nearly everywhere and unknown fields let through.
 * What is ignored is checked as well: a wrong type is the caller's mistake whether it matters here or not.
 */
export const requestSchema = z.looseObject({
  messages: z.array(messageSchema).min(1),
  model: z.string().min(1).nullish(),
  stream: flag,
  stream_options: z.looseObject({ include_usage: flag, include_obfuscation: flag }).nullish(),
  n: z.int().min(1).nullish(),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(4)], {
      error: 'a string or an array of 1 to 4 strings',
    })
    .nullish(),
  max_tokens: tokens,
  max_completion_tokens: tokens,
  reasoning_effort: z.enum(efforts).nullish(),
  claude_options: claudeOptionsSchema.nullish(),
  response_format: responseFormatSchema.nullish(),
  modalities: z.array(z.enum(['text', 'audio'])).nullish(),
  tools: z.array(toolSchema).max(128).nullish(),
  tool_choice: toolChoiceSchema.nullish(),
  functions: z.array(functionSchema).max(128).nullish(),
  function_call: z
    .union([z.enum(['none', 'auto']), z.looseObject({ name: z.string() })], {
      error: '"none", "auto" or a named function',
    })
    .nullish(),
  audio: object,
  logprobs: flag,
  top_logprobs: z.int().min(0).max(20).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  // OpenAI's range is 64 bits wide, more than a JavaScript number can hold exactly.
  seed: z.number().refine(Number.isInteger, 'a whole number').nullish(),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  logit_bias: z.record(z.string(), z.number().min(-100).max(100)).nullish(),
  user: text,
  safety_identifier: z.string().max(64).nullish(),
  metadata: metadataSchema.nullish(),
  store: flag,
  service_tier: z.enum(['auto', 'default', 'flex', 'scale', 'priority', 'fast']).nullish(),
  verbosity: z.enum(['low', 'medium', 'high']).nullish(),
  prediction: object,
  parallel_tool_calls: flag,
  prompt_cache_key: text,
  prompt_cache_retention: text,
  prompt_cache_options: object,
  web_search_options: object,
  moderation: object,
})

export type ChatRequest = z.infer<typeof requestSchema>

/** For messages that need no look, which costs most in a long conversation. */
const plainRequestSchema = requestSchema.extend({ messages: z.custom<ChatRequest['messages']>() })

/** The body as a request. Throws a `TurnError` that names the first field at fault, what came and what is allowed. */
export function parseRequest(body: unknown): ChatRequest {
  if (isPlainRequest(body)) return body
  const parsed = (hasPlainMessages(body) ? plainRequestSchema : requestSchema).safeParse(body)
  if (!parsed.success) throw firstProblem(parsed.error, body)
  return parsed.data
}

/** Whether a body is a model, plain messages and nothing that the schema would have to look at: what simple clients send. */
function isPlainRequest(body: unknown): body is ChatRequest {
  if (!hasPlainMessages(body)) return false
  for (const key in body) {
    if (!Object.hasOwn(plainFields, key) || !plainFields[key]?.(Reflect.get(body, key)))
      return false
  }
  return true
}

const plainFields: Readonly<Record<string, (value: unknown) => boolean>> = {
  messages: () => true,
  model: (model) => typeof model === 'string' && model !== '',
  stream: (stream) => typeof stream === 'boolean',
}

/** Whether every message is a role and a text and nothing more, as most are; then the schema could find nothing. */
function hasPlainMessages(body: unknown): body is { messages: unknown[] } {
  if (typeof body !== 'object' || body === null || !('messages' in body)) return false
  const { messages } = body
  return Array.isArray(messages) && messages.length > 0 && messages.every(isPlain)
}

const plainRoles: ReadonlySet<unknown> = new Set(['system', 'developer', 'user', 'assistant'])

function isPlain(message: unknown): boolean {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return false
  for (const key in message) if (key !== 'role' && key !== 'content') return false
  return (
    'role' in message &&
    plainRoles.has(message.role) &&
    'content' in message &&
    typeof message.content === 'string'
  )
}
