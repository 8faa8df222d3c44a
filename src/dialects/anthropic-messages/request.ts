import { z } from 'zod'
import { claudeOptionsSchema } from '../openai-chat/options.ts'
import { firstProblem } from '../openai-chat/problem.ts'
import { messageSchema, systemSchema } from './message-schema.ts'

const object = z.looseObject({}).nullish()
const display = z.enum(['summarized', 'omitted']).nullish()

const formatSchema = z.looseObject({
  type: z.literal('json_schema'),
  schema: z.record(z.string(), z.unknown()),
})

const countedFields = {
  model: z.string().min(1),
  messages: z.array(messageSchema).min(1),
  system: systemSchema.nullish(),
  tools: z.array(z.looseObject({ type: z.string().nullish() })).nullish(),
  tool_choice: z
    .discriminatedUnion('type', [
      z.looseObject({
        type: z.enum(['auto', 'any']),
        disable_parallel_tool_use: z.boolean().nullish(),
      }),
      z.looseObject({
        type: z.literal('tool'),
        name: z.string().min(1),
        disable_parallel_tool_use: z.boolean().nullish(),
      }),
      z.looseObject({ type: z.literal('none') }),
    ])
    .nullish(),
  thinking: z
    .discriminatedUnion('type', [
      z.looseObject({ type: z.literal('enabled'), budget_tokens: z.int().min(1024), display }),
      z.looseObject({ type: z.literal('adaptive'), display }),
      z.looseObject({ type: z.enum(['disabled', 'between_tools']) }),
    ])
    .nullish(),
  output_config: z
    .looseObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(),
      format: formatSchema.nullish(),
    })
    .nullish(),
  output_format: formatSchema.nullish(),
  mcp_servers: z.array(z.looseObject({})).nullish(),
}

/** The request as the Messages API has it (state of 2026-11), unknown fields let through. */
const requestSchema = z.looseObject({
  ...countedFields,
  max_tokens: z.int().min(1),
  stream: z.boolean().nullish(),
  stop_sequences: z.array(z.string().min(1)).nullish(),
  claude_options: claudeOptionsSchema.nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  metadata: object,
  cache_control: object,
  context_management: object,
  container: z.union([z.string(), z.looseObject({})]).nullish(),
  service_tier: z.string().nullish(),
  inference_geo: z.string().nullish(),
  speed: z.string().nullish(),
  diagnostics: object,
  user_profile_id: z.string().nullish(),
  workspace_id: z.string().nullish(),
})

export type MessagesRequest = z.infer<typeof requestSchema>

const countSchema = z.looseObject(countedFields)

export type CountRequest = z.infer<typeof countSchema>

/** The body as a request. Throws a `TurnError` that names the first field at fault, what came and what is allowed. */
export function parseRequest(body: unknown): MessagesRequest {
  const parsed = requestSchema.safeParse(body)
  if (!parsed.success) throw firstProblem(parsed.error, body)
  return parsed.data
}

/** The body of `count_tokens`: a request without what is only for the answer. Throws as `parseRequest` does. */
export function parseCountRequest(body: unknown): CountRequest {
  const parsed = countSchema.safeParse(body)
  if (!parsed.success) throw firstProblem(parsed.error, body)
  return parsed.data
}
