import type { Dialect } from '../dialect.ts'
import { encodeError } from '../openai-chat/error.ts'
import { decode } from './decode.ts'
import { encodeResult } from './response.ts'
import { ResponseStream } from './stream.ts'

/** OpenAI's responses, as our server speaks them. */
export const openaiResponses: Dialect = {
  name: 'openai-responses',
  decode,
  encodeResult,
  encodeError,
  openStream: (context) => new ResponseStream(context),
}
