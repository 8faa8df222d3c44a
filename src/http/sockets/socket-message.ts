import { TurnError } from '../../turn/error.ts'
import { parseJsonBody } from '../middleware/json-body.ts'

type Json = Record<string, unknown>

/** A `response.create` as it came over a WebSocket. */
export type SocketMessage = {
  /** What the same would be over HTTP. */
  body: Json
  /** Nothing is to be generated. */
  isWarmUp: boolean
  /** `stream_id`: messages of one lane are answered one after another. */
  lane?: string
}

/** Reads a text frame. Throws a `TurnError` that names the field; `laneOf` says where it belongs all the same. */
export function readMessage(bytes: Uint8Array): SocketMessage {
  const message = parseJsonBody(bytes)
  if (!isObject(message)) {
    throw new TurnError('invalid_type', 'A message must be a JSON object with a `type`.')
  }
  const { type, stream_id: _lane, generate = true, stream = true, background, ...body } = message
  if (type !== 'response.create') {
    const came = typeof type === 'string' ? JSON.stringify(type.slice(0, 100)) : `a ${typeof type}`
    throw new TurnError('invalid_value', `type is ${came}; it must be "response.create".`, {
      param: 'type',
    })
  }
  const lane = readLane(message)
  if (typeof generate !== 'boolean') {
    throw new TurnError('invalid_type', 'generate must be a boolean.', { param: 'generate' })
  }
  if (background === true) throw overHttpOnly('background', 'Leave it out, or ask over HTTP.')
  if (stream !== true && stream !== null) {
    throw overHttpOnly('stream', 'Answers are always streamed here; leave it out.')
  }
  return {
    body: { ...body, stream: true },
    isWarmUp: !generate,
    ...(lane !== undefined && { lane }),
  }
}

/** The lane of a frame that may be wrong in other ways; undefined where it names none. */
export function laneOf(bytes: Uint8Array): string | undefined {
  try {
    const message = parseJsonBody(bytes)
    return isObject(message) ? readLane(message) : undefined
  } catch {
    return undefined
  }
}

function readLane({ stream_id: lane }: Json): string | undefined {
  if (lane === undefined || lane === null) return undefined
  if (typeof lane === 'string' && /^[\w.-]{1,256}$/.test(lane)) return lane
  throw new TurnError(
    'invalid_value',
    'stream_id must be a text of at most 256 letters, digits, `_`, `.` and `-`.',
    { param: 'stream_id' },
  )
}

function overHttpOnly(param: string, advice: string): TurnError {
  return new TurnError(
    'unsupported_parameter',
    `${param} is not supported over a WebSocket. ${advice}`,
    { param },
  )
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
