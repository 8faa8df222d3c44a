import { z } from 'zod'

const words = { error: 'a string or an array of content blocks' }
const object = z.record(z.string(), z.unknown())

export const textBlock = z.looseObject({ type: z.literal('text'), text: z.string() })

const source = (types: string): { error: (issue: { code: string }) => string | undefined } => ({
  error: (issue) => (issue.code === 'invalid_union' ? `one of ${types}` : undefined),
})

const base64 = z.looseObject({
  type: z.literal('base64'),
  media_type: z.string(),
  data: z.string().min(1),
})
const url = z.looseObject({ type: z.literal('url'), url: z.string().min(1) })
const file = z.looseObject({ type: z.literal('file'), file_id: z.string().min(1) })

const imageBlock = z.looseObject({
  type: z.literal('image'),
  source: z.discriminatedUnion('type', [base64, url, file], source('"base64", "url", "file"')),
})

const documentBlock = z.looseObject({
  type: z.literal('document'),
  source: z.discriminatedUnion(
    'type',
    [
      base64,
      z.looseObject({ type: z.literal('text'), data: z.string() }),
      z.looseObject({
        type: z.literal('content'),
        content: z.union(
          [z.string(), z.array(z.discriminatedUnion('type', [textBlock, imageBlock]))],
          words,
        ),
      }),
      url,
      file,
    ],
    source('"base64", "text", "content", "url", "file"'),
  ),
  title: z.string().nullish(),
  context: z.string().nullish(),
  citations: object.nullish(),
})

const searchResultBlock = z.looseObject({
  type: z.literal('search_result'),
  source: z.string(),
  title: z.string(),
  content: z.array(textBlock),
  citations: object.nullish(),
})

/** Said of tools that are found by a search (`tool_reference`); every tool is offered here, so it tells nothing. */
const referenceBlock = z.looseObject({ type: z.literal('tool_reference'), tool_name: z.string() })

const resultBlock = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: z
    .union(
      [
        z.string(),
        z.array(
          z.discriminatedUnion('type', [
            textBlock,
            imageBlock,
            documentBlock,
            searchResultBlock,
            referenceBlock,
          ]),
        ),
      ],
      words,
    )
    .nullish(),
  is_error: z.boolean().nullish(),
})

const userBlock = z.discriminatedUnion('type', [
  textBlock,
  imageBlock,
  documentBlock,
  searchResultBlock,
  resultBlock,
])

/** What the API's own tools have left in a conversation. */
export const serverBlockTypes = [
  'server_tool_use',
  'web_search_tool_result',
  'web_fetch_tool_result',
  'code_execution_tool_result',
  'bash_code_execution_tool_result',
  'text_editor_code_execution_tool_result',
  'tool_search_tool_result',
  'mcp_tool_use',
  'mcp_tool_result',
  'container_upload',
] as const

const assistantBlock = z.discriminatedUnion(
  'type',
  [
    textBlock,
    z.looseObject({
      type: z.literal('thinking'),
      thinking: z.string(),
      signature: z.string().nullish(),
    }),
    z.looseObject({ type: z.literal('redacted_thinking'), data: z.string().min(1) }),
    z.looseObject({
      type: z.literal('tool_use'),
      id: z.string().min(1),
      name: z.string().min(1),
      input: object,
    }),
    z.looseObject({ type: z.enum(serverBlockTypes) }),
  ],
  source('"text", "thinking", "redacted_thinking", "tool_use"'),
)

const textContent = z.union([z.string(), z.array(textBlock)], words)

export const systemSchema = textContent

/** A message of a request; `system` ones are Claude Code's and a few models' own. */
export const messageSchema = z.discriminatedUnion(
  'role',
  [
    z.looseObject({
      role: z.literal('user'),
      content: z.union([z.string(), z.array(userBlock).min(1)], words),
    }),
    z.looseObject({
      role: z.literal('assistant'),
      content: z.union([z.string(), z.array(assistantBlock)], words),
    }),
    z.looseObject({ role: z.literal('system'), content: textContent }),
  ],
  source('"user", "assistant", "system"'),
)

export type MessageRequest = z.infer<typeof messageSchema>
export type SystemRequest = z.infer<typeof systemSchema>
export type UserBlock = z.infer<typeof userBlock>
export type AssistantBlock = z.infer<typeof assistantBlock>
export type ResultBlock = z.infer<typeof resultBlock>
export type ImageBlock = z.infer<typeof imageBlock>
export type DocumentBlock = z.infer<typeof documentBlock>
export type SearchResultBlock = z.infer<typeof searchResultBlock>
