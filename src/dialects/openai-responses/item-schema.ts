import { z } from 'zod'
import { toolSchema } from './tool-schema.ts'

const text = z.string().nullish()
const url = z.string().regex(/^(?:data:|https?:\/\/)/i, 'a data: URL or an http(s) URL')
const detail = z.enum(['auto', 'low', 'high', 'original']).nullish()

/** Words, by whatever name; LangChain passes the parts of chat completions on. */
const textPart = z.looseObject({
  type: z.enum(['input_text', 'output_text', 'text', 'summary_text', 'reasoning_text']),
  text: z.string(),
})
const refusalPart = z.looseObject({ type: z.literal('refusal'), refusal: z.string() })
const imagePart = z.looseObject({
  type: z.literal('input_image'),
  image_url: url.nullish(),
  file_id: text,
  detail,
})
const chatImagePart = z.looseObject({
  type: z.literal('image_url'),
  image_url: z.union([url, z.looseObject({ url, detail })]),
})
const file = { file_data: text, file_id: text, file_url: text, filename: text }
const filePart = z.looseObject({ type: z.literal('input_file'), ...file })
const chatFilePart = z.looseObject({ type: z.literal('file'), file: z.looseObject(file) })
/** Taken by OpenAI, and not here; parts.ts says so. */
const audioPart = z.looseObject({ type: z.literal('input_audio') })

export const partSchema = z.discriminatedUnion(
  'type',
  [textPart, refusalPart, imagePart, chatImagePart, filePart, chatFilePart, audioPart],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'one of "input_text", "input_image", "input_file"'
        : undefined,
  },
)

const content = z.union([z.string(), z.array(partSchema)], {
  error: 'a string or an array of parts',
})
const callId = z.string().min(1)

/** Items whose work is done, and which say nothing to a model that did not do it. */
export const passedItems = ['web_search_call', 'compaction_trigger'] as const

/** An item of `input` with its type filled in. */
export const itemSchema = z.discriminatedUnion(
  'type',
  [
    z.looseObject({
      type: z.literal('message'),
      role: z.enum(['user', 'assistant', 'system', 'developer']),
      content,
    }),
    z.looseObject({
      type: z.literal('function_call'),
      call_id: callId,
      name: z.string().min(1),
      namespace: text,
      arguments: z.string(),
    }),
    z.looseObject({
      type: z.literal('custom_tool_call'),
      call_id: callId,
      name: z.string().min(1),
      namespace: text,
      input: z.string(),
    }),
    z.looseObject({
      type: z.enum(['function_call_output', 'custom_tool_call_output']),
      call_id: callId,
      output: content,
    }),
    z.looseObject({
      type: z.literal('shell_call'),
      call_id: callId,
      action: z.looseObject({ commands: z.array(z.string()) }),
    }),
    z.looseObject({
      type: z.literal('shell_call_output'),
      call_id: callId,
      output: z.array(
        z.looseObject({
          stdout: z.string(),
          stderr: z.string(),
          outcome: z.discriminatedUnion('type', [
            z.looseObject({ type: z.literal('timeout') }),
            z.looseObject({ type: z.literal('exit'), exit_code: z.int() }),
          ]),
        }),
      ),
    }),
    z.looseObject({
      type: z.literal('apply_patch_call'),
      call_id: callId,
      operation: z.looseObject({
        type: z.enum(['create_file', 'update_file', 'delete_file']),
        path: z.string(),
        diff: text,
      }),
    }),
    z.looseObject({
      type: z.literal('apply_patch_call_output'),
      call_id: callId,
      status: z.enum(['completed', 'failed']),
      output: text,
    }),
    z.looseObject({ type: z.literal('additional_tools'), tools: z.array(toolSchema) }),
    z.looseObject({ type: z.literal('item_reference'), id: z.string().min(1) }),
    z.looseObject({ type: z.literal('compaction'), encrypted_content: z.string() }),
    z.looseObject({ type: z.literal('reasoning'), encrypted_content: text }),
    z.looseObject({ type: z.enum(passedItems) }),
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'one of "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning", "item_reference", "additional_tools"'
        : undefined,
  },
)

export type Item = z.infer<typeof itemSchema>
export type Part = z.infer<typeof partSchema>
export type Content = z.infer<typeof content>

/** `input` as a list in which each item says its type: OpenAI leaves it out of messages and references. */
export function typedItems(input: unknown): unknown {
  if (!Array.isArray(input)) return input
  return input.map((item: unknown) => {
    if (!isObject(item) || (item.type !== undefined && item.type !== null)) return item
    if (item.role !== undefined) return { ...item, type: 'message' }
    return item.id === undefined ? item : { ...item, type: 'item_reference' }
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
