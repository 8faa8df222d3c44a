import { type ClaudeOptions, defaultClaudeOptions } from './claude-options.ts'
import type { Message } from './message.ts'
import type { OutputFormat, Tool, ToolChoice } from './tool.ts'

/** How hard to think; OpenAI's `reasoning_effort` and Claude Code's `effort` in one scale. */
export const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
export type Effort = (typeof efforts)[number]

/** Everything that a caller asks for in one request, in no dialect's words. */
export type Turn = {
  /** The model's name as the caller wrote it; absent means the configured default. */
  model?: string
  /** The system and developer messages, in order, each with its speaker's name before it where it has one. */
  instructions: string[]
  /** The conversation; never empty, and its last message is the user's or a tool's. */
  messages: Message[]
  limits: {
    /** The most tokens of the answer, thinking included. */
    maxOutputTokens?: number
    /** The most calls of Claude Code's own tools; further ones are refused to the model. */
    maxToolCalls?: number
    /** The answer ends before the first of these texts. */
    stopSequences: string[]
  }
  effort?: Effort
  /** `off`: no thinking before the answer, whatever the effort. */
  thinking?: 'off'
  /** The caller's own tools. */
  tools: Tool[]
  toolChoice: ToolChoice
  /** Whether one answer may call several tools. */
  parallelToolCalls: boolean
  output: OutputFormat
  /** One of many that may be answered later than others: a line of a batch, or what the caller calls so. */
  isOneOfMany: boolean
  claude: ClaudeOptions
  /** The caller's own request body, untouched, for a backend that speaks the same dialect; `bytes`: as it arrived. */
  source: { dialect: string; body: Readonly<Record<string, unknown>>; bytes?: Uint8Array }
}

/** The plainest turn: nothing is asked yet, and nothing out of the ordinary. */
export const plainTurn: Turn = {
  instructions: [],
  messages: [],
  limits: { stopSequences: [] },
  tools: [],
  toolChoice: { type: 'auto' },
  parallelToolCalls: true,
  output: { type: 'text' },
  isOneOfMany: false,
  claude: defaultClaudeOptions,
  source: { dialect: '', body: {} },
}
