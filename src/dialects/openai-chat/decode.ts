import type { ClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import type { Turn } from '../../turn/turn.ts'
import type { DecodedRequest, DecodeOptions } from '../dialect.ts'
import { applyTable } from '../parameter-table.ts'
import { Disclosures } from './disclosures.ts'
import { decodeMessages } from './messages.ts'
import { decodeOptions } from './options.ts'
import { parameters } from './parameters.ts'
import { type ChatRequest, parseRequest } from './request.ts'
import { decodeOutput, decodeTools } from './tools.ts'

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
  const claude = decodeOptions(request.claude_options)
  refuseTwoFormats(request, claude.outputFormat)
  const { instructions, messages } = decodeMessages(request.messages, disclosures)
  const model = request.claude_options?.model ?? request.model ?? undefined
  const effort = request.claude_options?.effort ?? request.reasoning_effort ?? undefined
  const maxOutputTokens = request.max_completion_tokens ?? request.max_tokens ?? undefined
  const { tools, toolChoice, parallelToolCalls } = decodeTools(request)
  // Absent fields are added afterwards and not spread in: every request passes here, and spreading is what it would pay for most.
  const turn: Turn = {
    instructions,
    messages,
    limits: { stopSequences: stopSequences(request.stop) },
    tools,
    toolChoice,
    parallelToolCalls,
    output: decodeOutput(request),
    isOneOfMany: request.service_tier === 'flex',
    claude,
    source: { dialect: 'openai-chat', body: body as Readonly<Record<string, unknown>> },
  }
  if (model !== undefined) turn.model = model
  if (effort !== undefined) turn.effort = effort
  if (maxOutputTokens !== undefined) turn.limits.maxOutputTokens = maxOutputTokens
  return { turn, stream: request.stream ?? false, choices, notices: disclosures.notices }
}

/** Claude Code's own output formats make a document of the whole turn; functions and schemas want its answer. */
function refuseTwoFormats(request: ChatRequest, format: ClaudeOptions['outputFormat']): void {
  if (format === 'text') return
  const others: [string, boolean][] = [
    ['tools', (request.tools?.length ?? 0) > 0],
    ['functions', (request.functions?.length ?? 0) > 0],
    ['response_format', (request.response_format?.type ?? 'text') !== 'text'],
  ]
  const other = others.find(([, used]) => used)
  if (!other) return
  const param = 'claude_options.output_format'
  throw new TurnError(
    'invalid_value',
    `${param} "${format}" and ${other[0]} cannot be used together. Leave one of them out.`,
    { param },
  )
}

function stopSequences(stop: ChatRequest['stop']): string[] {
  if (stop === null || stop === undefined) return []
  return typeof stop === 'string' ? [stop] : stop
}

function checkParameters(request: ChatRequest, disclosures: Disclosures): void {
  applyTable(request, { table: parameters, api: 'chat completions' }, disclosures)
  if (request.stream_options?.include_obfuscation) {
    disclosures.ignore('stream_options.include_obfuscation', 'Chunks are not padded.')
  }
}
