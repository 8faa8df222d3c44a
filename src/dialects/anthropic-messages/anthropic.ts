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
  ownFields: (text) =>
    text
      .replaceAll('response_format.json_schema.schema', 'output_config.format.schema')
      .replaceAll('response_format', 'output_config.format'),
  encodeResult,
  encodeError,
  openStream: (request) => ({
    frames: (events) => encodeStream(events, request),
    failure: (error) => encodeStreamError(error, request.requestId),
    heartbeat: () => [heartbeat],
  }),
}
