import type { Activity, ClaudeRun, FinishReason } from '../../turn/event.ts'

/** What `claude` beside OpenAI's own fields tells of a turn. */
export type ClaudeExtension = {
  session_id: string
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
    session_id: run.sessionId,
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

/** OpenAI's words for why an answer ended. */
export function encodeFinishReason(reason: FinishReason): 'stop' | 'length' | 'content_filter' {
  return reason === 'content-filter' ? 'content_filter' : reason
}

/** The answer's id in OpenAI's form. */
export function encodeId(id: string): string {
  return id.startsWith('chatcmpl-') ? id : `chatcmpl-${id}`
}
