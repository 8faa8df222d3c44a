import type {
  ContentBlock,
  Message,
  MessageDeltaUsage,
  RawContentBlockDelta,
  RawContentBlockStartEvent,
  RawMessageStreamEvent,
  TextBlock,
  Usage,
} from '@anthropic-ai/sdk/resources/messages'
import { z } from 'zod'

/** What of the API's shapes this server sends, to the letter: a field too many is a mistake as well. Held to the SDK's own types. */

/** The API leaves out `citations` where there are none, whatever the SDK's type says. */
type Uncited<Block> = Exclude<Block, TextBlock> | Omit<TextBlock, 'citations'>

const count = z.int().min(0)
const details = z.strictObject({ thinking_tokens: count })

const deltaUsage = z.strictObject({
  input_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
  output_tokens: count,
  output_tokens_details: details,
  server_tool_use: z.null(),
}) satisfies z.ZodType<MessageDeltaUsage>

const usage = z.strictObject({
  ...deltaUsage.shape,
  cache_creation: z.null(),
  inference_geo: z.null(),
  service_tier: z.null(),
  speed: z.null(),
}) satisfies z.ZodType<Usage>

const text = z.strictObject({
  type: z.literal('text'),
  text: z.string(),
})
const thinking = z.strictObject({
  type: z.literal('thinking'),
  thinking: z.string(),
  signature: z.string(),
})
const redacted = z.strictObject({ type: z.literal('redacted_thinking'), data: z.string().min(1) })
const toolUse = z.strictObject({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
  caller: z.strictObject({ type: z.literal('direct') }),
})
const block = z.discriminatedUnion('type', [text, thinking, redacted, toolUse]) satisfies z.ZodType<
  Uncited<ContentBlock>
>

const stopReason = z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal'])

const activity = z.looseObject({ type: z.enum(['tool_use', 'tool_result']) })
const claude = z
  .strictObject({
    session_id: z.string(),
    cost_usd: z.number(),
    duration_ms: z.number(),
    turns: z.int(),
    debug_log: z.string(),
    activity: z.union([activity, z.array(activity)]),
  })
  .partial()

const message = z.strictObject({
  id: z.string().startsWith('msg_'),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string().min(1),
  content: z.array(block),
  stop_reason: stopReason.nullable(),
  stop_sequence: z.string().nullable(),
  stop_details: z.null(),
  container: z.null(),
  diagnostics: z.null(),
  usage,
}) satisfies z.ZodType<Omit<Message, 'content'> & { content: Uncited<ContentBlock>[] }>

/** A whole answer. */
export const messageSchema = z.strictObject({
  ...message.shape,
  stop_reason: stopReason,
  claude: claude.optional(),
})

const delta = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text_delta'), text: z.string().min(1) }),
  z.strictObject({ type: z.literal('thinking_delta'), thinking: z.string().min(1) }),
  z.strictObject({ type: z.literal('signature_delta'), signature: z.string().min(1) }),
  z.strictObject({ type: z.literal('input_json_delta'), partial_json: z.string() }),
]) satisfies z.ZodType<RawContentBlockDelta>

const messageEvent = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('message_start'),
    message: z.strictObject({
      ...message.shape,
      content: z.tuple([]),
      stop_reason: z.null(),
      stop_sequence: z.null(),
    }),
  }),
  z.strictObject({
    type: z.literal('content_block_start'),
    index: count,
    content_block: z.discriminatedUnion('type', [
      z.strictObject({ ...text.shape, text: z.literal('') }),
      z.strictObject({
        ...thinking.shape,
        thinking: z.literal(''),
        signature: z.literal(''),
      }),
      redacted,
      z.strictObject({ ...toolUse.shape, input: z.strictObject({}) }),
    ]),
  }),
  z.strictObject({ type: z.literal('content_block_delta'), index: count, delta }),
  z.strictObject({ type: z.literal('content_block_stop'), index: count }),
  z.strictObject({
    type: z.literal('message_delta'),
    delta: z.strictObject({
      stop_reason: stopReason,
      stop_sequence: z.string().nullable(),
      stop_details: z.null(),
      container: z.null(),
    }),
    usage: deltaUsage,
    claude: claude.optional(),
  }),
  z.strictObject({ type: z.literal('message_stop') }),
]) satisfies z.ZodType<
  | Exclude<RawMessageStreamEvent, RawContentBlockStartEvent>
  | { type: 'content_block_start'; index: number; content_block: Uncited<ContentBlock> }
>

/** An error, as a body or as an event. */
export const errorSchema = z.strictObject({
  type: z.literal('error'),
  error: z.strictObject({
    type: z.enum([
      'invalid_request_error',
      'authentication_error',
      'permission_error',
      'not_found_error',
      'conflict_error',
      'request_too_large',
      'rate_limit_error',
      'timeout_error',
      'overloaded_error',
      'api_error',
    ]),
    message: z.string().min(1),
    code: z.string().min(1),
    param: z.string().optional(),
  }),
  request_id: z.string().min(1),
})

/** Any event of a stream. */
export const eventSchema = z.discriminatedUnion('type', [
  ...messageEvent.options,
  z.strictObject({ type: z.literal('ping'), claude: claude.optional() }),
  errorSchema,
])

export type StreamEvent = z.infer<typeof eventSchema>
