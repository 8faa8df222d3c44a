import { TurnError } from '../../turn/error.ts'
import type { DecodedRequest, DecodeOptions } from '../dialect.ts'
import { decode as decodeChat } from '../openai-chat/decode.ts'
import { Disclosures } from '../openai-chat/disclosures.ts'
import { applyTable } from '../parameter-table.ts'
import { ownParameters } from './parameters.ts'
import { type CompletionRequest, parseRequest, promptsOf } from './request.ts'

/**
 * Reads a request body: each prompt is a turn of its own, a conversation of one user message. The turns' source is that conversation as a
 * chat completion, so that any upstream can be asked. Throws a `TurnError` that names the field, what came and what is allowed.
 */
export function decode(body: unknown, options: DecodeOptions): DecodedRequest {
  const request = parseRequest(body)
  checkOwnParameters(request, options)
  const prompts = promptsOf(request)
  const n = request.n ?? 1
  const choices = prompts.length * n
  if (choices > options.maxChoices) {
    throw new TurnError(
      'invalid_value',
      `prompt and n must ask for at most ${options.maxChoices} choices; got ${prompts.length} prompts, each with ${n}. The owner of this server can raise MAX_CHOICES.`,
      { param: prompts.length === 1 ? 'n' : 'prompt' },
    )
  }
  const [first, ...others] = prompts.map((prompt) => decodeChat(asChat(request, prompt), options))
  if (!first) throw new RangeError('A request has a prompt.')
  const turns = [first, ...others].flatMap(({ turn }) => Array.from({ length: n }, () => turn))
  return { ...first, choices, turns, body: request }
}

function checkOwnParameters(request: CompletionRequest, options: DecodeOptions): void {
  const own = Object.fromEntries(
    Object.entries(request).filter(([name]) => Object.hasOwn(ownParameters, name)),
  )
  const disclosures = new Disclosures(options.strict)
  applyTable(own, { table: ownParameters, api: 'completions' }, disclosures)
  const { best_of: best, n } = request
  if (best === null || best === undefined || best === (n ?? 1)) return
  throw new TurnError(
    'unsupported_parameter',
    `best_of must be n, which is ${n ?? 1}; got ${best}. Claude does not tell the probabilities by which the best would be chosen. Leave it out.`,
    { param: 'best_of' },
  )
}

/** The request as a chat completion with one message. */
function asChat(request: CompletionRequest, prompt: string): Record<string, unknown> {
  const { prompt: _prompt, echo: _echo, suffix: _suffix, best_of: _best, ...rest } = request
  const { logprobs: _logprobs, ...shared } = rest
  return { ...shared, messages: [{ role: 'user', content: prompt }] }
}
