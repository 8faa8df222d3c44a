import type { Dialect } from '../dialect.ts'
import { encodeError, encodeStreamError } from '../openai-chat/error.ts'
import { decode } from './decode.ts'
import { encodeResult } from './response.ts'
import { encodeStream } from './stream.ts'

/** OpenAI's legacy completions: one text in, its continuation out. */
export const openaiCompletions: Dialect = {
  name: 'openai-completions',
  decode,
  encodeResult,
  encodeError,
  openStream: (request) => ({
    frames: (events) => encodeStream(events, request),
    failure: encodeStreamError,
  }),
}
