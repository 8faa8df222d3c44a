import { z } from 'zod'

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() })

const imagePart = z.looseObject({
  type: z.literal('image_url'),
  image_url: z.looseObject({
    url: z.string().regex(/^(?:data:|https?:\/\/)/i, 'a data: URL or an http(s) URL'),
    detail: z.enum(['auto', 'low', 'high']).nullish(),
  }),
})

/** Parts that OpenAI takes and we do not; decode.ts says so. */
const foreignPart = z.looseObject({ type: z.enum(['input_audio', 'file']) })

// What is listed as allowed leaves out what decode.ts refuses.
const userPart = z.discriminatedUnion('type', [textPart, imagePart, foreignPart], {
  error: (issue) => (issue.code === 'invalid_union' ? 'one of "text", "image_url"' : undefined),
})

const refusalPart = z.looseObject({ type: z.literal('refusal'), refusal: z.string() })

const assistantPart = z.discriminatedUnion('type', [textPart, refusalPart], {
  error: (issue) => (issue.code === 'invalid_union' ? 'one of "text", "refusal"' : undefined),
})

const content = { error: 'a string or an array of parts' }
const name = z.string().nullish()

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
      tool_calls: z.array(z.unknown()).nullish(),
      function_call: z.unknown().optional(),
      name,
    }),
    z.looseObject({ role: z.enum(['tool', 'function']) }),
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'one of "system", "developer", "user", "assistant"'
        : undefined,
  },
)

export type ChatMessage = z.infer<typeof messageSchema>
export type UserContent = Extract<ChatMessage, { role: 'user' }>['content']
export type AssistantMessageRequest = Extract<ChatMessage, { role: 'assistant' }>
