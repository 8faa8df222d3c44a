import type { OpenAIDocument } from '../support/openai-document.ts'
import {
  documentProblems,
  idProblems,
  isObject,
  type Json,
  objectsOf,
  parsed,
  sumProblems,
} from './frames.ts'

/** What is wrong with a whole chat completion of `count` choices; `document`: it is also held to OpenAI's schema. */
export function problemsOfChat(body: unknown, count = 1, document?: OpenAIDocument): string[] {
  if (!isObject(body)) return ['a chat completion is no object']
  const choices = objectsOf(body.choices)
  return [
    ...idProblems(body, 'chat.completion', 'chatcmpl-'),
    ...sumProblems(body.usage),
    ...(choices.length === count ? [] : [`there are ${choices.length} choices`]),
    ...choices.flatMap((choice, index) => [
      ...(choice.index === index ? [] : [`choice ${index} has index ${String(choice.index)}`]),
      ...choiceProblems(choice),
    ]),
    ...documentProblems(document, 'CreateChatCompletionResponse', [body]),
  ]
}

function choiceProblems({ message, finish_reason: reason, logprobs }: Json): string[] {
  if (!isObject(message)) return ['a choice has no message']
  const calls = objectsOf(message.tool_calls)
  const hasCalls = calls.length > 0
  const isLegacy = message.function_call !== undefined
  const isCut = reason === 'length' || reason === 'content_filter'
  return [
    ...('refusal' in message ? [] : ['a message lacks refusal']),
    ...(logprobs === null ? [] : ['logprobs is not null']),
    ...(typeof reason === 'string' ? [] : ['no finish reason']),
    ...('tool_calls' in message && !hasCalls ? ['tool_calls is empty'] : []),
    ...(hasCalls || isLegacy || typeof message.content === 'string' ? [] : ['no content']),
    ...(!isCut && hasCalls !== (reason === 'tool_calls') ? [`${String(reason)} with calls`] : []),
    ...(!isCut && isLegacy !== (reason === 'function_call') ? ['a function call or none'] : []),
    ...argumentsOf(message).filter((text) => !isObject(parsed(text))),
  ]
}

function argumentsOf({ tool_calls: calls, function_call: call }: Json): string[] {
  return [...objectsOf(calls).map((call) => call.function), call]
    .filter(isObject)
    .map((called) => (typeof called.arguments === 'string' ? called.arguments : 'no text'))
}
