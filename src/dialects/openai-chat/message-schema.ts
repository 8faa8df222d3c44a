import { z } from 'zod'
import { functionCallSchema, toolCallSchema } from './tool-schema.ts'

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() })

const imagePart = z.looseObject({
  type: z.literal('image_url'),
  image_url: z.looseObject({
    url: z.string().regex(/^(?:data:|https?:\/\/)/i, 'a data: URL or an http(s) URL'),
    detail: z.enum(['auto', 'low', 'high']).nullish(),
  }),
})

const filePart = z.looseObject({
  type: z.literal('file'),
  file: z.looseObject({
    file_data: z.string().nullish(),
    file_id: z.string().nullish(),
    filename: z.string().nullish(),
  }),
})

/** Parts that OpenAI takes and we do not; messages.ts says so. */
const foreignPart = z.looseObject({ type: z.literal('input_audio') })

// What is listed as allowed leaves out what messages.ts refuses.
const userPart = z.discriminatedUnion('type', [textPart, imagePart, filePart, foreignPart], {
  error: (issue) =>
    issue.code === 'invalid_union' ? 'one of "text", "image_url", "file"' : undefined,
})

const refusalPart = z.looseObject({ type: z.literal('refusal'), refusal: z.string() })

const assistantPart = z.discriminatedUnion('type', [textPart, refusalPart], {
  error: (issue) => (issue.code === 'invalid_union' ? 'one of "text", "refusal"' : undefined),
})

const content = { error: 'a string or an array of parts' }

/** Whose words a message has; OpenAI's own limits. An empty one is absent. */
const name = z
  .string()
  .max(64)
  .regex(/^[^\s<|\\/>]*$/, 'a name without white space and without <, >, |, / and \\')
  .nullish()

const textContent = z.union([z.string(), z.array(textPart).min(1)], content)

/** A message of a request, every role that OpenAI has. */
export const messageSchema = z.discriminatedUnion(
  'role',
  [
    z.looseObject({ role: z.enum(['system', 'developer']), content: textContent, name }),
    z.looseObject({
      role: z.literal('user'),
      content: z.union([z.string(), z.array(userPart).min(1)], content),
      name,
    }),
    z.looseObject({
      role: z.literal('assistant'),
      content: z.union([z.string(), z.array(assistantPart).min(1)], content).nullish(),
      refusal: z.string().nullish(),
      audio: z.looseObject({}).nullish(),
      tool_calls: z.array(toolCallSchema).nullish(),
      function_call: functionCallSchema.nullish(),
      name,
    }),
    z.looseObject({
      role: z.literal('tool'),
      tool_call_id: z.string().min(1),
      content: z.union([z.string(), z.array(userPart)], content),
    }),
    z.looseObject({
      role: z.literal('function'),
      name: z.string().min(1),
      content: z.string().nullish(),
    }),
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'one of "system", "developer", "user", "assistant", "tool", "function"'
        : undefined,
  },
)

export type ChatMessage = z.infer<typeof messageSchema>
export type UserContent = Extract<ChatMessage, { role: 'user' }>['content']
export type FileRequest = z.infer<typeof filePart>['file']
export type AssistantMessageRequest = Extract<ChatMessage, { role: 'assistant' }>
