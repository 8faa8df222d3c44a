import { TurnError } from '../../turn/error.ts'
import type { Dialect } from '../dialect.ts'
import { encodeError } from '../openai-chat/error.ts'
import { decode } from './decode.ts'
import { responseId } from './response.ts'
import { ResponseStream } from './stream.ts'
import { writeSummary } from './summary.ts'
import { encodeUsage } from './usage.ts'

/** What the model is asked for; its answer stands for everything before it. */
const question = `The conversation is to go on without what was said so far: your summary takes its place. Write it now, and nothing else. Keep what was asked and what was decided, facts, names, numbers and paths as they were written, what was done and what came of it, and what is still to be done. Call no tools.`

/** POST /v1/responses/compact: a conversation in, one item out that stands for it. */
export const openaiCompaction: Dialect = {
  name: 'openai-compaction',
  decode(body, options) {
    const { model } = Object(body) as { model?: unknown }
    if (typeof model !== 'string') {
      throw new TurnError('missing_required_parameter', 'model is missing; it must be a string.', {
        param: 'model',
      })
    }
    const asked = withQuestion(body)
    const decoded = decode(asked, options)
    const { turn } = decoded
    turn.tools = []
    turn.toolChoice = { type: 'auto' }
    turn.source = { dialect: 'openai-compaction', body: asked }
    return { ...decoded, stream: false }
  },
  encodeResult([result], context) {
    if (!result) throw new RangeError('A compaction needs a result.')
    if (result.text.trim() === '') {
      throw new TurnError('invalid_output', 'The model gave no summary of the conversation.')
    }
    return {
      id: responseId(context),
      object: 'response.compaction',
      created_at: context.created,
      output: [
        {
          id: `cmp_${context.id}0000`,
          type: 'compaction',
          encrypted_content: writeSummary(result.text),
        },
      ],
      usage: encodeUsage(result.usage),
    }
  },
  encodeError,
  openStream: (context) => new ResponseStream(context),
}

function withQuestion(body: unknown): Record<string, unknown> {
  const { input, ...rest } = Object(body) as Record<string, unknown>
  const begun = typeof input === 'string' ? [{ role: 'user', content: input }] : input
  return {
    ...rest,
    stream: false,
    input: Array.isArray(begun) ? [...begun, { role: 'user', content: question }] : begun,
  }
}
