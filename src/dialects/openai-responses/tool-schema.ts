import { z } from 'zod'
import { functionSchema } from '../openai-chat/tool-schema.ts'

const words = z.string().nullish()
const functionTool = z.looseObject({ type: z.literal('function'), ...functionSchema.shape })
const customTool = z.looseObject({
  type: z.literal('custom'),
  name: functionSchema.shape.name,
  description: words,
  format: z
    .discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({
        type: z.literal('grammar'),
        syntax: z.enum(['lark', 'regex']),
        definition: z.string(),
      }),
    ])
    .nullish(),
})
const ownTool = z.discriminatedUnion('type', [functionTool, customTool])
const namespaceTool = z.looseObject({
  type: z.literal('namespace'),
  name: z.string().min(1),
  description: words,
  tools: z.array(ownTool).min(1),
})

/** Tools that OpenAI runs itself; tools.ts says what becomes of each. */
const hosted = [
  'web_search',
  'web_search_2025_08_26',
  'web_search_preview',
  'web_search_preview_2025_03_11',
  'file_search',
  'code_interpreter',
  'image_generation',
  'computer',
  'computer_use_preview',
  'mcp',
  'local_shell',
  'tool_search',
  'programmatic_tool_calling',
] as const

const hostedTool = z.looseObject({
  type: z.enum(hosted),
  external_web_access: z.boolean().nullish(),
})

/** Run by the caller, unless the environment is a container of OpenAI's. */
const shellTool = z.looseObject({
  type: z.literal('shell'),
  environment: z.looseObject({ type: z.string() }).nullish(),
})
const patchTool = z.looseObject({ type: z.literal('apply_patch') })

export const toolSchema = z.discriminatedUnion(
  'type',
  [functionTool, customTool, namespaceTool, shellTool, patchTool, hostedTool],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'one of "function", "custom", "namespace", "web_search", "shell", "apply_patch"'
        : undefined,
  },
)

const reference = z.discriminatedUnion('type', [
  z.looseObject({ type: z.enum(['function', 'custom']), name: z.string(), namespace: words }),
  z.looseObject({ type: z.enum(['shell', 'apply_patch']) }),
])

export const toolChoiceSchema = z.union(
  [
    z.enum(['none', 'auto', 'required']),
    z.discriminatedUnion('type', [
      ...reference.options,
      z.looseObject({
        type: z.literal('allowed_tools'),
        mode: z.enum(['auto', 'required']),
        tools: z.array(reference).min(1),
      }),
    ]),
  ],
  { error: '"none", "auto", "required", a named tool or `allowed_tools`' },
)

const schemaObject = z.record(z.string(), z.unknown())

export const formatSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    name: z.string().min(1),
    schema: schemaObject,
    strict: z.boolean().nullish(),
  }),
])

export type ToolRequest = z.infer<typeof toolSchema>
export type OwnTool = z.infer<typeof ownTool>
export type ToolReference = z.infer<typeof reference>
