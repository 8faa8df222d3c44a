import type { Relay } from '../../turn/event.ts'

type Json = Readonly<Record<string, unknown>>

/** An upstream's answer as one body: its own, or its chunks put together as clients put them together. */
export function relayedBody(relay: Relay): Json {
  return 'body' in relay ? relay.body : bodyOf(relay.chunks)
}

/** A whole answer as one chunk, for a caller that asked for a stream and an answer that was not one. */
export function chunkOf(body: Json): Json {
  return {
    ...body,
    object: 'chat.completion.chunk',
    choices: objects(body.choices).map(({ message, ...choice }) => ({
      ...choice,
      delta: withIndexes(message),
    })),
  }
}

/** In a stream each call says which one it is. */
function withIndexes(message: unknown): Json {
  if (!isObject(message)) return {}
  if (!Array.isArray(message.tool_calls)) return message
  const calls = objects(message.tool_calls).map((call, index) => ({ index, ...call }))
  return { ...message, tool_calls: calls }
}

function bodyOf(chunks: readonly Json[]): Json {
  const choices: Json[] = []
  const body: Record<string, unknown> = {}
  for (const chunk of chunks) {
    Object.assign(body, withoutNull(chunk))
    for (const piece of objects(chunk.choices)) {
      const index = typeof piece.index === 'number' ? piece.index : 0
      choices[index] = joinedChoice(choices[index] ?? {}, piece)
    }
  }
  return { ...body, object: 'chat.completion', choices: choices.filter((choice) => choice) }
}

function joinedChoice(choice: Json, { delta, ...piece }: Json): Json {
  return {
    ...choice,
    ...withoutNull(piece),
    finish_reason: piece.finish_reason ?? choice.finish_reason ?? null,
    logprobs: joined(choice.logprobs ?? null, piece.logprobs),
    message: isObject(delta)
      ? joined(choice.message ?? {}, withoutIndexes(delta))
      : (choice.message ?? {}),
  }
}

/** Which of an answer's calls a piece belongs to is its place in the list. */
function withoutIndexes(delta: Json): Json {
  if (!Array.isArray(delta.tool_calls)) return delta
  const calls: Json[] = []
  for (const { index, ...call } of objects(delta.tool_calls)) {
    const place = typeof index === 'number' && index < 1_000 ? index : calls.length
    calls[place] = call
  }
  return { ...delta, tool_calls: new Places(calls) }
}

/** Pieces by their place, some of which may be missing. */
class Places {
  readonly items: readonly Json[]
  constructor(items: readonly Json[]) {
    this.items = items
  }
}

/** Words that come once and are not continued. */
const wholeWords = new Set(['role', 'id', 'type', 'name'])

/** Two values of one field: texts and lists go on, objects field by field, everything else is replaced. */
function joined(before: unknown, piece: unknown, field = ''): unknown {
  if (piece === undefined || piece === null) return before ?? null
  if (piece instanceof Places) {
    const items = Array.isArray(before) ? [...before] : []
    for (const [place, item] of piece.items.entries()) {
      if (item) items[place] = joined(items[place] ?? {}, item)
    }
    return items
  }
  if (typeof before === 'string' && typeof piece === 'string') {
    return wholeWords.has(field) ? piece || before : before + piece
  }
  if (Array.isArray(before) && Array.isArray(piece)) return [...before, ...piece]
  if (isObject(piece)) {
    const fields = isObject(before) ? { ...before } : {}
    for (const [name, value] of Object.entries(piece))
      fields[name] = joined(fields[name], value, name)
    return fields
  }
  return piece
}

function withoutNull(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))
}

function objects(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
