import type { ChatCompletion, ChatCompletionMessage } from 'openai/resources/chat/completions'
import type { TurnResult } from '../../turn/result.ts'
import { addUsage, noUsage } from '../../turn/usage.ts'
import type { EncodeContext } from '../dialect.ts'
import {
  type ActivityExtension,
  type ClaudeExtension,
  encodeActivity,
  encodeFinishReason,
  encodeId,
  encodeRun,
  isLegacy,
} from './extension.ts'
import { relayedBody } from './relay.ts'
import { encodeCalls } from './tool-calls.ts'
import { encodeUsage } from './usage.ts'

type Json = Record<string, unknown>

export type Answer = Omit<ChatCompletion, 'choices'> & {
  choices: (Omit<ChatCompletion.Choice, 'message'> & {
    message: ChatCompletionMessage & { reasoning_content?: string }
  })[]
  claude?: AnswerExtension
}

export type AnswerExtension = Partial<ClaudeExtension> & {
  activity?: ActivityExtension[]
  choices?: (Partial<ClaudeExtension> & { index: number; activity?: ActivityExtension[] })[]
}

/** The whole answer, one result a choice. What an upstream of this dialect answered alone goes out as it came. */
export function encodeResult(results: readonly TurnResult[], request: EncodeContext): Json {
  const [first] = results
  if (!first) throw new RangeError('An answer needs a result.')
  if (results.length === 1 && first.relay?.dialect === 'openai-chat')
    return { ...relayedBody(first.relay) }
  const usage = results.map((result) => result.usage).reduce(addUsage, noUsage)
  const claude = encodeExtension(results)
  return {
    id: encodeId(first.id),
    object: 'chat.completion',
    created: request.created,
    model: first.model,
    choices: results.map((result, index) => encodeChoice(result, index, isLegacy(request.body))),
    usage: encodeUsage(usage),
    ...(claude && { claude }),
  } satisfies Answer
}

/** What an upstream of this dialect answered alone, in its own letters. */
export function writtenResult([first, ...others]: readonly TurnResult[]): string | undefined {
  const relay = first?.relay
  if (others.length > 0 || relay?.dialect !== 'openai-chat' || !('body' in relay)) return undefined
  return relay.text
}

function encodeChoice(
  result: TurnResult,
  index: number,
  legacy: boolean,
): Answer['choices'][number] {
  return {
    ...relayedChoice(result, legacy),
    index,
  }
}

function relayedChoice(
  result: TurnResult,
  legacy: boolean,
): Omit<Answer['choices'][number], 'index'> {
  const choices = result.relay && relayedBody(result.relay).choices
  // An upstream is asked for one choice at a time; what it said is kept whole.
  if (Array.isArray(choices) && choices[0]) return choices[0] as Answer['choices'][number]
  const calls = encodeCalls(result.toolCalls, legacy)
  return {
    message: {
      role: 'assistant',
      content: result.text === '' && Object.keys(calls).length > 0 ? null : result.text,
      refusal: null,
      annotations: [],
      ...calls,
      ...(result.reasoning !== undefined && { reasoning_content: result.reasoning }),
    },
    logprobs: null,
    finish_reason: encodeFinishReason(result.reason, legacy),
  }
}

/** The first choice's run; with several choices also each one's. */
export function encodeExtension(results: readonly TurnResult[]): AnswerExtension | undefined {
  const runs = results.map((result) => ({
    ...(result.claude && encodeRun(result.claude)),
    ...(result.activity.length > 0 && { activity: result.activity.map(encodeActivity) }),
  }))
  if (runs.every((run) => Object.keys(run).length === 0)) return undefined
  return {
    ...runs[0],
    ...(runs.length > 1 && { choices: runs.map((run, index) => ({ index, ...run })) }),
  }
}
