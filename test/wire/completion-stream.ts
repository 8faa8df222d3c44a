import type { OpenAIDocument } from '../support/openai-document.ts'
import {
  documentProblems,
  headProblems,
  idProblems,
  isObject,
  type Json,
  keyProblems,
  objectsOf,
  problemsOfError,
  readChunks,
  sumProblems,
  usageProblems,
} from './frames.ts'

/** What is wrong with a streamed legacy completion of `choices` choices, as it came over the wire. */
export function problemsOfCompletionStream(
  text: string,
  { choices = 1, usage = false }: { choices?: number; usage?: boolean } = {},
  document?: OpenAIDocument,
): string[] {
  const { chunks, error, problems } = readChunks(text)
  if (problems.length > 0) return problems
  const isOver = error === undefined
  if (error && chunks.length === 0) return problemsOfError(error)
  return [
    ...headProblems(chunks, 'text_completion', 'cmpl-'),
    ...usageProblems(chunks, usage, isOver),
    ...orderProblems(chunks, { choices, usage, isOver }),
    ...(error ? problemsOfError(error) : []),
    ...documentProblems(document, 'CreateCompletionResponse', chunks.map(asWhole)),
    ...documentProblems(document, 'ErrorResponse', error ? [error] : []),
  ]
}

/** What is wrong with a whole completion. */
export function problemsOfCompletion(
  body: unknown,
  count = 1,
  document?: OpenAIDocument,
): string[] {
  if (!isObject(body)) return ['a completion is no object']
  const choices = objectsOf(body.choices)
  return [
    ...idProblems(body, 'text_completion', 'cmpl-'),
    ...sumProblems(body.usage),
    ...(choices.length === count ? [] : [`there are ${choices.length} choices`]),
    ...choices.flatMap((choice, index) => [
      ...choiceProblems(choice),
      ...(choice.index === index ? [] : [`choice ${index} has index ${String(choice.index)}`]),
      ...(typeof choice.finish_reason === 'string' ? [] : ['no finish reason']),
    ]),
    ...documentProblems(document, 'CreateCompletionResponse', [body]),
  ]
}

function orderProblems(
  chunks: readonly Json[],
  { choices: count, usage, isOver }: { choices: number; usage: boolean; isOver: boolean },
): string[] {
  const problems: string[] = []
  const ended = new Set<unknown>()
  for (const [index, { choices }] of chunks.entries()) {
    const isUsage = usage && isOver && index === chunks.length - 1
    const own = objectsOf(choices)
    if (!Array.isArray(choices) || own.length !== (isUsage ? 0 : 1))
      problems.push(`a chunk has ${own.length} choices`)
    for (const choice of own) {
      problems.push(...choiceProblems(choice))
      if (!(Number(choice.index) < count)) problems.push(`no choice ${String(choice.index)}`)
      if (ended.has(choice.index)) problems.push('a chunk comes after the finish reason')
      if (choice.finish_reason === null) continue
      ended.add(choice.index)
      if (choice.text !== '') problems.push('the last chunk says something')
    }
  }
  if (isOver && ended.size !== count) problems.push(`${ended.size} choices have ended`)
  return problems
}

function choiceProblems(choice: Json): string[] {
  return [
    ...keyProblems('a choice', choice, ['text', 'index', 'logprobs', 'finish_reason']),
    ...(typeof choice.text === 'string' ? [] : ['a text is none']),
    ...(choice.logprobs === null ? [] : ['logprobs is not null']),
  ]
}

/** The document has one schema for both, in which what goes on is no reason to end and usage is never null. */
function asWhole({ usage, ...chunk }: Json): Json {
  const choices = objectsOf(chunk.choices).map((choice) => ({
    ...choice,
    ...(choice.finish_reason === null && { finish_reason: 'stop' }),
  }))
  return { ...chunk, choices, ...(usage !== null && usage !== undefined && { usage }) }
}
