import type { Dialect } from '../dialect.ts'
import { encodeError } from '../openai-chat/error.ts'
import { decode } from './decode.ts'
import { encodeResult } from './response.ts'
import { ResponseStream } from './stream.ts'

/** OpenAI's responses, as our server speaks them. */
export const openaiResponses: Dialect = {
  name: 'openai-responses',
  decode,
  ownFields,
  encodeResult,
  encodeError,
  openStream: (context) => new ResponseStream(context),
}

function ownFields(text: string): string {
  if (text === 'messages') return 'input'
  return text
    .replaceAll('response_format.json_schema.schema', 'text.format.schema')
    .replaceAll('response_format', 'text.format')
    .replaceAll('`messages`', '`input`')
}
