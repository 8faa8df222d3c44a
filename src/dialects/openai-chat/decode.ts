import { TurnError } from '../../turn/error.ts'
import type { DecodedRequest, DecodeOptions } from '../dialect.ts'
import { Disclosures } from './disclosures.ts'
import { decodeMessages } from './messages.ts'
import { decodeOptions } from './options.ts'
import { parameterOf } from './parameters.ts'
import { type ChatRequest, parseRequest } from './request.ts'

/** Reads a request body. Throws a `TurnError` that names the field, what came and what is allowed. */
export function decode(body: unknown, options: DecodeOptions): DecodedRequest {
  const request = parseRequest(body)
  const disclosures = new Disclosures(options.strict)
  checkParameters(request, disclosures)
  const choices = request.n ?? 1
  if (choices > options.maxChoices) {
    throw new TurnError(
      'invalid_value',
      `n must be at most ${options.maxChoices}; got ${choices}.`,
      {
        param: 'n',
      },
    )
  }
  const { instructions, messages } = decodeMessages(request.messages, disclosures)
  const model = request.claude_options?.model ?? request.model ?? undefined
  const effort = request.claude_options?.effort ?? request.reasoning_effort ?? undefined
  const maxOutputTokens = request.max_completion_tokens ?? request.max_tokens ?? undefined
  return {
    turn: {
      ...(model !== undefined && { model }),
      instructions,
      messages,
      limits: {
        ...(maxOutputTokens !== undefined && { maxOutputTokens }),
        stopSequences: stopSequences(request.stop),
      },
      ...(effort !== undefined && { effort }),
      claude: decodeOptions(request.claude_options),
      source: { dialect: 'openai-chat', body: body as Readonly<Record<string, unknown>> },
    },
    stream: request.stream ?? false,
    choices,
    notices: disclosures.notices,
  }
}

function stopSequences(stop: ChatRequest['stop']): string[] {
  if (stop === null || stop === undefined) return []
  return typeof stop === 'string' ? [stop] : stop
}

/** Refuses what the table refuses and discloses what it ignores; a field that OpenAI does not have either is ignored. */
function checkParameters(request: ChatRequest, disclosures: Disclosures): void {
  for (const [name, value] of Object.entries(request)) {
    if (value === null || value === undefined) continue
    const parameter = parameterOf(name)
    if (parameter?.isDefault?.(value)) continue
    switch (parameter?.treatment) {
      case 'honoured':
        break
      case 'refused':
        throw new TurnError(
          'unsupported_parameter',
          `${name} is not supported: ${parameter.why} Leave it out.`,
          { param: name },
        )
      case 'ignored':
        disclosures.ignore(name, parameter.why)
        break
      case undefined:
        disclosures.ignore(name, 'It is not a parameter of chat completions.')
        break
    }
  }
  if (request.stream_options?.include_obfuscation) {
    disclosures.ignore('stream_options.include_obfuscation', 'Chunks are not padded.')
  }
}
