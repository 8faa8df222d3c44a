import type { SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk'
import { z } from 'zod'
import { customInput } from '../tools/client-tools.ts'
import { reservedServerName } from '../tools/mcp.ts'
import { answerTool } from '../schema/structured-output.ts'

/** What a transcript tells of the tools that were offered in it. */
export type KeptTools = {
  /** Names of the caller's tools that take free text. */
  custom: ReadonlySet<string>
  /** The structured answers, by the ids of the calls that handed them over. */
  answers: ReadonlyMap<string, unknown>
  /** Whether a tool of this name is how Claude Code takes structured answers, and none of the caller's. */
  isAnswerTool(name: string): boolean
  /** The calls that were left to the caller, and the entry that says so. */
  deferred: ReadonlyMap<string, string>
}

export function keptTools(entries: readonly SessionStoreEntry[]): KeptTools {
  const custom = new Set<string>()
  const client = new Set<string>()
  const answers = new Map<string, unknown>()
  const deferred = new Map<string, string>()
  for (const entry of entries) {
    const found = noteSchema.safeParse(entry).data
    if (found === undefined) continue
    if (found.type === 'api-request-shape') {
      for (const tool of found.shape.tools)
        if (isCustom(tool.name, tool.input_schema)) custom.add(tool.name)
      continue
    }
    const { attachment, uuid } = found
    switch (attachment.type) {
      case 'prompt_snapshot':
        for (const { name, server, schema } of attachment.tools ?? []) {
          if (server !== reservedServerName) continue
          client.add(name)
          if (isCustom(name, schema?.input_schema)) custom.add(name)
        }
        break
      case 'structured_output':
        answers.set(attachment.toolUseID, attachment.data)
        break
      case 'hook_deferred_tool':
        deferred.set(attachment.toolUseID, uuid)
        client.add(attachment.toolName)
        break
    }
  }
  const isAnswerTool = (name: string) => name === answerTool && !client.has(name)
  return { custom, answers, isAnswerTool, deferred }
}

/** The name under which the caller knows its tool: Claude Code may have put the server's before it. */
export function clientName(name: string): string {
  return name.startsWith(clientPrefix) ? name.slice(clientPrefix.length) : name
}

const clientPrefix = `mcp__${reservedServerName}__`

/** Free text is offered under exactly this schema (`ClientTools`), and no tool of Claude Code's is. */
function isCustom(name: string, schema: unknown): boolean {
  if (name.startsWith('mcp__') && !name.startsWith(clientPrefix)) return false
  return customSchema.safeParse(schema).success
}

const customSchema = z.strictObject({
  type: z.literal('object'),
  properties: z.strictObject({ [customInput]: z.strictObject({ type: z.literal('string') }) }),
  required: z.tuple([z.literal(customInput)]),
})

/** Notes of Claude Code's between the messages (test/sessions/messages.test.ts). */
const noteSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('api-request-shape'),
    shape: z.object({
      tools: z.array(z.object({ name: z.string(), input_schema: z.unknown().optional() })),
    }),
  }),
  z.object({
    type: z.literal('attachment'),
    uuid: z.string(),
    attachment: z.discriminatedUnion('type', [
      z.object({
        type: z.literal('prompt_snapshot'),
        tools: z
          .array(
            z.object({
              name: z.string(),
              server: z.string().optional(),
              schema: z.object({ input_schema: z.unknown().optional() }).optional(),
            }),
          )
          .optional(),
      }),
      z.object({
        type: z.literal('structured_output'),
        toolUseID: z.string(),
        data: z.unknown().optional(),
      }),
      z.object({
        type: z.literal('hook_deferred_tool'),
        toolUseID: z.string(),
        toolName: z.string(),
      }),
    ]),
  }),
])
