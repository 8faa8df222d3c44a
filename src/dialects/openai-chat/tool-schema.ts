import { z } from 'zod'

const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, '1 to 64 letters, digits, _ or -')
const schemaObject = z.record(z.string(), z.unknown()).nullish()

export const functionSchema = z.looseObject({
  name: toolName,
  description: z.string().nullish(),
  parameters: schemaObject,
  strict: z.boolean().nullish(),
})

const customSchema = z.looseObject({
  name: toolName,
  description: z.string().nullish(),
  format: z
    .discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({
        type: z.literal('grammar'),
        grammar: z.looseObject({ syntax: z.enum(['lark', 'regex']), definition: z.string() }),
      }),
    ])
    .nullish(),
})

export const toolSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('function'), function: functionSchema }),
  z.looseObject({ type: z.literal('custom'), custom: customSchema }),
])

const named = z.looseObject({ name: z.string() })

const toolReference = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('function'), function: named }),
  z.looseObject({ type: z.literal('custom'), custom: named }),
])

export const toolChoiceSchema = z.union(
  [
    z.enum(['none', 'auto', 'required']),
    z.discriminatedUnion('type', [
      ...toolReference.options,
      z.looseObject({
        type: z.literal('allowed_tools'),
        allowed_tools: z.looseObject({
          mode: z.enum(['auto', 'required']),
          tools: z.array(toolReference).min(1),
        }),
      }),
    ]),
  ],
  { error: '"none", "auto", "required", a named tool or `allowed_tools`' },
)

/** A call in an assistant message of the history. */
export const toolCallSchema = z.discriminatedUnion('type', [
  z.looseObject({
    id: z.string().min(1),
    type: z.literal('function'),
    function: z.looseObject({ name: z.string().min(1), arguments: z.string() }),
  }),
  z.looseObject({
    id: z.string().min(1),
    type: z.literal('custom'),
    custom: z.looseObject({ name: z.string().min(1), input: z.string() }),
  }),
])

export const functionCallSchema = z.looseObject({ name: z.string().min(1), arguments: z.string() })

export const responseFormatSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  // instructor sends the schema right here, without the `json_schema` around it.
  z.looseObject({ type: z.literal('json_object'), schema: schemaObject }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({
      name: z.string().min(1),
      schema: schemaObject,
      strict: z.boolean().nullish(),
    }),
  }),
])

export type ToolRequest = z.infer<typeof toolSchema>
export type ToolReference = z.infer<typeof toolReference>
export type ToolChoiceRequest = z.infer<typeof toolChoiceSchema>
export type ToolCallRequest = z.infer<typeof toolCallSchema>
