import type { Dialect } from '../dialect.ts'
import { decode } from './decode.ts'
import { encodeError, encodeStreamError } from './error.ts'
import { encodeResult, writtenResult } from './response.ts'
import { encodeStream } from './stream.ts'

/** OpenAI's chat completions, as our server speaks them. */
export const openaiChat: Dialect = {
  name: 'openai-chat',
  isRepeatable: true,
  decode,
  encodeResult,
  writtenResult,
  encodeError,
  openStream: (request) => ({
    frames: (events) => encodeStream(events, request),
    failure: encodeStreamError,
  }),
}
