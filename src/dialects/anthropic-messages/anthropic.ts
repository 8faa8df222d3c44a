import type { Dialect } from '../dialect.ts'
import { decode, dialectName } from './decode.ts'
import { encodeError, encodeStreamError } from './error.ts'
import { encodeResult } from './response.ts'
import { encodeStream, heartbeat } from './stream.ts'

/** Anthropic's Messages API, as our server speaks it. */
export const anthropicMessages: Dialect = {
  name: dialectName,
  isRepeatable: true,
  decode,
  encodeResult,
  encodeError,
  openStream: (request) => ({
    frames: (events) => encodeStream(events, request),
    failure: (error) => encodeStreamError(error, request.requestId),
    heartbeat: () => [heartbeat],
  }),
}
