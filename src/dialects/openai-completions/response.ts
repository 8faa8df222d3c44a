import type { Completion, CompletionChoice } from 'openai/resources/completions'
import type { FinishReason } from '../../turn/event.ts'
import type { TurnResult } from '../../turn/result.ts'
import { addUsage, noUsage, type Usage } from '../../turn/usage.ts'
import type { EncodeContext } from '../dialect.ts'
import { relayedBody } from '../openai-chat/relay.ts'
import { type AnswerExtension, encodeExtension } from '../openai-chat/response.ts'
import { encodeUsage } from '../openai-chat/usage.ts'
import { textOf } from './relayed-text.ts'

type Json = Record<string, unknown>

export type Answer = Completion & { claude?: AnswerExtension }

/** The whole answer, one result a choice. */
export function encodeResult(results: readonly TurnResult[], request: EncodeContext): Json {
  const [first] = results
  if (!first) throw new RangeError('An answer needs a result.')
  const usage = results.map((result) => result.usage).reduce<Usage>(addUsage, noUsage)
  const claude = encodeExtension(results)
  return {
    id: encodeId(first.id),
    object: 'text_completion',
    created: request.created,
    model: first.model,
    choices: results.map((result, index) => ({
      text:
        echoOf(request, index) + (result.relay ? textOf(relayedBody(result.relay)) : result.text),
      index,
      logprobs: null,
      finish_reason: encodeFinishReason(result.reason),
    })),
    usage: encodeUsage(usage),
    ...(claude && { claude }),
  } satisfies Answer
}

/** What a choice begins with: its prompt, where the request has `echo`. */
export function echoOf({ body }: EncodeContext, choice: number): string {
  const { echo, prompt, n } = body
  if (echo !== true) return ''
  const prompts: unknown[] = Array.isArray(prompt) ? prompt : [prompt]
  const own = prompts[Math.floor(choice / (typeof n === 'number' ? n : 1))]
  return typeof own === 'string' ? own : ''
}

export function encodeFinishReason(reason: FinishReason): CompletionChoice['finish_reason'] {
  switch (reason) {
    case 'content-filter':
      return 'content_filter'
    case 'length':
      return 'length'
    // There are no tools here that an answer could call.
    case 'tool-calls':
    case 'stop':
      return 'stop'
  }
}

/** The answer's id in OpenAI's form. */
export function encodeId(id: string): string {
  return `cmpl-${id.replace(/^chatcmpl-/, '')}`
}
