import { createHash } from 'node:crypto'
import type { AssistantMessage, Message, ToolCallPart } from '../../turn/message.ts'
import type { TurnContext } from '../../turn/backend.ts'
import type { Tool } from '../../turn/tool.ts'
import type { Turn } from '../../turn/turn.ts'
import type { Decisions } from '../options.ts'

/** What makes two processes interchangeable for a caller, besides the conversation itself. */
export function profileOf(
  turn: Turn,
  decisions: Decisions,
  { owner, allowed }: Pick<TurnContext, 'owner' | 'allowed'>,
): string {
  const { claude } = turn
  return digest({
    owner,
    isKept: decisions.isKept,
    allowed: allowed && { tools: allowed.tools, workspaceRoots: allowed.workspaceRoots },
    folder: decisions.folder,
    model: decisions.model,
    effort: turn.effort,
    thinking: turn.thinking,
    maxOutputTokens: turn.limits.maxOutputTokens,
    maxToolCalls: turn.limits.maxToolCalls,
    instructions: turn.instructions,
    tools: turn.tools.map(withoutField),
    toolChoice: turn.toolChoice,
    parallelToolCalls: turn.parallelToolCalls,
    output: turn.output,
    claude: {
      tools: claude.tools,
      disallowedTools: claude.disallowedTools,
      projectSettings: claude.projectSettings,
      mcpConfig: claude.mcpConfig,
      autoAllowPermissions: claude.autoAllowPermissions,
      appendSystemPrompt: claude.appendSystemPrompt,
      maxTurns: claude.maxTurns,
      maxBudgetUsd: claude.maxBudgetUsd,
      addDirs: claude.addDirs,
      agents: claude.agents,
    },
  })
}

/** Where a tool stands in a request is for error messages. */
function withoutField(tool: Tool): Tool {
  if (tool.kind !== 'function') return tool
  const { field: _, ...rest } = tool
  return rest
}

/** The key of a conversation: its profile and every byte of every message. */
export function conversationKey(profile: string, messages: readonly Message[]): string {
  return digest([profile, messages.map(canonical)])
}

/** The key of a session under a profile, as it is after so many turns: another node may have gone on with it. */
export function sessionKey(
  profile: string,
  { id, turns }: { id: string; turns: number | undefined },
): string {
  return digest([profile, 'session', id, turns ?? 'not known'])
}

/** The seals of the thinking in a conversation. They are no part of its key: some callers send thinking back, and some do not. */
export function sealsOf(messages: readonly Message[]): string[] {
  return messages.flatMap((message) =>
    message.role === 'assistant' ? message.content.flatMap(sealOf) : [],
  )
}

function sealOf(part: AssistantMessage['content'][number]): string[] {
  if (part.type === 'sealed-reasoning') return [part.data]
  return part.type === 'reasoning' && part.signature !== undefined ? [part.signature] : []
}

/** A request's conversation up to the last assistant message: what a process must hold already. */
export function heldMessages(messages: readonly Message[]): Message[] {
  return messages.slice(0, messages.findLastIndex(({ role }) => role === 'assistant') + 1)
}

/** An answer as the caller sends it back. */
export function answerMessage(text: string, calls: readonly ToolCallPart[]): AssistantMessage {
  return { role: 'assistant', content: [{ type: 'text', text }, ...calls] }
}

/** Clients cut and join an answer's text as they like, and write arguments anew; order and content are what counts. */
function canonical(message: Message): unknown {
  if (message.role !== 'assistant') return message
  const calls = message.content.filter((part) => part.type === 'tool-call')
  return {
    role: 'assistant',
    text: message.content.map((part) => (part.type === 'text' ? part.text : '')).join(''),
    calls: calls.map(({ id, name, input, kind }) => [
      id,
      name,
      kind === 'function' ? sorted(JSON.parse(input)) : input,
    ]),
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64')
}
