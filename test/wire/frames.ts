import type { OpenAIDocument } from '../support/openai-document.ts'

export type Json = Record<string, unknown>

/** What a stream of chunks says: the chunks, the error that ended it if one did, and what is wrong with its frames. */
export type ChunkFrames = { chunks: Json[]; error?: Json; problems: string[] }

/**
 * Reads a stream of chat completions or of completions as it came over the wire: LF only, one line of data a frame, `[DONE]` or an error
 * last. Comments are let through.
 */
export function readChunks(text: string): ChunkFrames {
  if (text.includes('\r')) return { chunks: [], problems: ['a line ends in CR'] }
  if (!text.endsWith('\n\n')) return { chunks: [], problems: ['the last frame is not closed'] }
  const read: ChunkFrames = { chunks: [], problems: [] }
  const frames = text
    .slice(0, -2)
    .split('\n\n')
    .filter((frame) => !/^: .*$/.test(frame))
  for (const [index, frame] of frames.entries()) {
    const isLast = index === frames.length - 1
    const [, data] = /^data: (.+)$/.exec(frame) ?? []
    if (data === undefined) read.problems.push(`not a frame with one line of data: ${cut(frame)}`)
    else if (data === '[DONE]') {
      if (!isLast) read.problems.push('[DONE] is not last')
    } else readChunk(data, isLast, read)
  }
  if (read.error === undefined && frames.at(-1) !== 'data: [DONE]')
    read.problems.push('the stream does not end in [DONE]')
  return read
}

function readChunk(data: string, isLast: boolean, read: ChunkFrames): void {
  const value = parsed(data)
  if (!isObject(value)) read.problems.push(`not a JSON object: ${cut(data)}`)
  else if (!('error' in value)) read.chunks.push(value)
  else if (isLast) read.error = value
  else read.problems.push('something comes after an error')
}

/** What is wrong with an error, as a body or in a stream: OpenAI's four fields and no others. */
export function problemsOfError(value: unknown): string[] {
  const error = isObject(value) ? value.error : undefined
  if (!isObject(value) || !isObject(error)) return ['an error is no object']
  const { message, type, param, code } = error
  return [
    ...keyProblems('the body of an error', value, ['error']),
    ...keyProblems('an error', error, ['message', 'type', 'param', 'code']),
    ...[message, type, code]
      .filter((field) => typeof field !== 'string' || field === '')
      .map((field) => `an error has ${cut(JSON.stringify(field))} where words belong`),
    ...(param === null || typeof param === 'string' ? [] : ['the param of an error is no text']),
  ]
}

/** What differs between an object's fields and those that it must have, no more and no less. */
export function keyProblems(what: string, value: Json, keys: readonly string[]): string[] {
  const has = Object.keys(value)
  return [
    ...keys.filter((key) => !has.includes(key)).map((key) => `${what} lacks ${key}`),
    ...has.filter((key) => !keys.includes(key)).map((key) => `${what} has ${key}`),
  ]
}

/** What must be the same in every chunk, and what kind of value it must be. */
export function headProblems(chunks: readonly Json[], object: string, prefix: string): string[] {
  const problems: string[] = []
  const [first] = chunks
  if (!first) return ['the stream has no chunk']
  for (const field of ['id', 'object', 'created', 'model']) {
    if (chunks.some((chunk) => chunk[field] !== first[field])) problems.push(`${field} changes`)
  }
  return [...problems, ...idProblems(first, object, prefix)]
}

/** The fields at the top of an answer or a chunk. */
export function idProblems({ id, object, created, model }: Json, kind: string, prefix: string) {
  const problems: string[] = []
  if (object !== kind) problems.push(`the object is ${cut(JSON.stringify(object))}`)
  if (typeof id !== 'string' || !id.startsWith(prefix)) problems.push(`the id is ${String(id)}`)
  if (typeof model !== 'string' || model === '') problems.push(`the model is ${String(model)}`)
  if (!isUnixSeconds(created)) problems.push(`created is ${JSON.stringify(created)}`)
  return problems
}

/** Whether a request asks for the usage of its stream. */
export function asksForUsage({ stream_options: options }: { stream_options?: unknown }): boolean {
  return isObject(options) && options.include_usage === true
}

/** What is wrong with the usage: its sums, and where it is. `isAsked`: the stream was to tell it. */
export function usageProblems(chunks: readonly Json[], isAsked: boolean, isOver: boolean) {
  if (!isAsked) {
    return chunks.some((chunk) => 'usage' in chunk) ? ['usage that nobody asked for'] : []
  }
  const last = chunks.at(-1)
  const earlier = isOver ? chunks.slice(0, -1) : chunks
  return [
    ...(earlier.some(({ usage }) => usage !== null) ? ['usage before the end is not null'] : []),
    ...(isOver && last ? sumProblems(last.usage) : []),
  ]
}

/** What is wrong with the counts of tokens. */
export function sumProblems(usage: unknown): string[] {
  if (!isObject(usage)) return ['there is no usage']
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage
  return Number(prompt) + Number(completion) === total ? [] : ['total_tokens is no sum']
}

/** What the document of OpenAI finds wrong. */
export function documentProblems(
  document: OpenAIDocument | undefined,
  schema: string,
  values: readonly unknown[],
): string[] {
  return values.flatMap((value) => document?.problems(schema, value) ?? [])
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectsOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Seconds of our days, in which neither milliseconds nor fractions are. */
function isUnixSeconds(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 1e9 && Number(value) < 1e10
}

function cut(text: string | undefined): string {
  return String(text).slice(0, 80)
}
