import type { Activity, ClaudeRun, FinishReason } from '../../turn/event.ts'

/** What `claude` beside OpenAI's own fields tells of a turn. */
export type ClaudeExtension = {
  session_id?: string
  /** US dollars. */
  cost_usd: number
  duration_ms: number
  turns: number
  debug_log?: string
}

/** A tool use or its result, as `claude.activity` shows it. */
export type ActivityExtension =
  | { type: 'tool_use'; id: string; name: string; input: unknown; parent_id?: string }
  | { type: 'tool_result'; id: string; content: unknown; is_error: boolean; parent_id?: string }

export function encodeRun(run: ClaudeRun): ClaudeExtension {
  return {
    ...(run.sessionId !== undefined && { session_id: run.sessionId }),
    cost_usd: run.costUsd,
    duration_ms: run.durationMs,
    turns: run.turns,
    ...(run.debugLog !== undefined && { debug_log: run.debugLog }),
  }
}

export function encodeActivity(activity: Activity): ActivityExtension {
  const parent = activity.parentId === undefined ? {} : { parent_id: activity.parentId }
  switch (activity.type) {
    case 'tool-use':
      return {
        type: 'tool_use',
        id: activity.id,
        name: activity.name,
        input: activity.input,
        ...parent,
      }
    case 'tool-result':
      return {
        type: 'tool_result',
        id: activity.id,
        content: activity.content,
        is_error: activity.isError,
        ...parent,
      }
  }
}

export type EncodedReason = 'stop' | 'length' | 'content_filter' | 'tool_calls' | 'function_call'

/** OpenAI's words for why an answer ended; `legacy`: the caller asked with `functions`. */
export function encodeFinishReason(reason: FinishReason, legacy: boolean): EncodedReason {
  switch (reason) {
    case 'content-filter':
      return 'content_filter'
    case 'tool-calls':
      return legacy ? 'function_call' : 'tool_calls'
    case 'stop':
    case 'length':
      return reason
  }
}

/** Whether a request used the older `functions`, and so wants the older form of the answer. */
export function isLegacy(body: Readonly<Record<string, unknown>>): boolean {
  return hasAny(body.functions) && !hasAny(body.tools)
}

function hasAny(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

/** The answer's id in OpenAI's form. */
export function encodeId(id: string): string {
  return id.startsWith('chatcmpl-') ? id : `chatcmpl-${id}`
}
