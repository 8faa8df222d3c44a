import { z } from 'zod'
import { efforts } from '../../turn/turn.ts'
import { claudeOptionsSchema } from '../openai-chat/options.ts'
import { firstProblem } from '../openai-chat/problem.ts'
import { itemSchema, typedItems } from './item-schema.ts'
import { formatSchema, toolChoiceSchema, toolSchema } from './tool-schema.ts'

const object = z.looseObject({}).nullish()
const text = z.string().nullish()
const flag = z.boolean().nullish()
const penalty = z.number().min(-2).max(2).nullish()

/** The request as OpenAI's schema has it (state of 2026-08), with null for absent and unknown fields let through. */
export const requestSchema = z.looseObject({
  input: z.union([z.string(), z.array(itemSchema).min(1)], {
    error: 'a string or an array of items',
  }),
  model: z.string().min(1).nullish(),
  instructions: text,
  stream: flag,
  stream_options: z.looseObject({ include_obfuscation: flag }).nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  reasoning: z
    .looseObject({
      effort: z.enum(efforts).nullish(),
      summary: z.enum(['auto', 'concise', 'detailed']).nullish(),
      generate_summary: z.enum(['auto', 'concise', 'detailed']).nullish(),
      context: text,
    })
    .nullish(),
  text: z
    .looseObject({
      format: formatSchema.nullish(),
      verbosity: z.enum(['low', 'medium', 'high']).nullish(),
    })
    .nullish(),
  tools: z.array(toolSchema).max(128).nullish(),
  tool_choice: toolChoiceSchema.nullish(),
  parallel_tool_calls: flag,
  claude_options: claudeOptionsSchema.nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  include: z.array(z.string()).nullish(),
  service_tier: z
    .enum(['auto', 'default', 'flex', 'scale', 'priority', 'fast', 'ultrafast'])
    .nullish(),
  store: flag,
  background: flag,
  previous_response_id: text,
  conversation: z.union([z.string(), z.looseObject({ id: z.string() })]).nullish(),
  prompt: object,
  top_logprobs: z.int().min(0).max(20).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  truncation: z.enum(['auto', 'disabled']).nullish(),
  max_tool_calls: z.int().min(1).nullish(),
  user: text,
  safety_identifier: z.string().max(64).nullish(),
  prompt_cache_key: text,
  prompt_cache_retention: text,
  prompt_cache_options: object,
})

export type ResponseRequest = z.infer<typeof requestSchema>

/** The body as a request. Throws a `TurnError` that names the first field at fault, what came and what is allowed. */
export function parseRequest(body: unknown): ResponseRequest {
  const typed = isObject(body) ? { ...body, input: typedItems(body.input) } : body
  const parsed = requestSchema.safeParse(typed)
  if (!parsed.success) throw firstProblem(parsed.error, typed)
  return parsed.data
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
