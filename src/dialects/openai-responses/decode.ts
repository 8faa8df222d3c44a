import type { Seal } from '../../lib/seal.ts'
import type { ClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import type { Turn } from '../../turn/turn.ts'
import type { DecodedRequest, DecodeOptions } from '../dialect.ts'
import { Disclosures } from '../openai-chat/disclosures.ts'
import { decodeOptions } from '../openai-chat/options.ts'
import { applyTable } from '../parameter-table.ts'
import { decodeInput } from './items.ts'
import { responseParameters } from './parameters.ts'
import { parseRequest, type ResponseRequest } from './request.ts'
import { decodeOutput, decodeTools } from './tools.ts'

/** Reads a request body. Throws a `TurnError` that names the field, what came and what is allowed. */
export function decode(body: unknown, options: DecodeOptions): DecodedRequest {
  const request = parseRequest(body)
  const disclosures = new Disclosures(options.strict)
  checkParameters(request, disclosures, options.seal)
  checkStorage(request)
  const asked = decodeOptions(request.claude_options)
  refuseTwoFormats(request, asked.outputFormat)
  const { instructions, messages } = decodeInput(request.input, disclosures, options.seal)
  const { tools, toolChoice, builtIn } = decodeTools(request, disclosures)
  const model = request.claude_options?.model ?? request.model ?? undefined
  const effort = request.claude_options?.effort ?? request.reasoning?.effort ?? undefined
  const { claude, fields } = withBuiltIn(asked, builtIn)
  const turn: Turn = {
    instructions:
      typeof request.instructions === 'string' && request.instructions !== ''
        ? [request.instructions, ...instructions]
        : instructions,
    messages,
    limits: { stopSequences: [] },
    tools,
    toolChoice,
    parallelToolCalls: request.parallel_tool_calls ?? true,
    output: decodeOutput(request),
    isOneOfMany: request.service_tier === 'flex',
    claude,
    source: { dialect: 'openai-responses', body: body as Readonly<Record<string, unknown>> },
  }
  if (model !== undefined) turn.model = model
  if (effort !== undefined) turn.effort = effort
  if (typeof request.max_output_tokens === 'number') {
    turn.limits.maxOutputTokens = request.max_output_tokens
  }
  if (typeof request.max_tool_calls === 'number') turn.limits.maxToolCalls = request.max_tool_calls
  const { notices } = disclosures
  return { turn, stream: request.stream ?? false, choices: 1, notices, fields }
}

/** What must be kept cannot be asked for without that. */
function checkStorage(request: ResponseRequest): void {
  for (const param of ['background', 'conversation'] as const) {
    if (!request[param] || request.store !== false) continue
    throw new TurnError(
      'invalid_value',
      `${param} needs a response that is kept: leave store: false out, or ${param}. Where the owner keeps none (RESPONSE_KEEP_DAYS=0), there is neither.`,
      { param },
    )
  }
  if (request.conversation && typeof request.previous_response_id === 'string') {
    throw new TurnError(
      'invalid_value',
      'previous_response_id and conversation exclude each other; leave one of them out.',
      { param: 'previous_response_id' },
    )
  }
}

/** What Claude Code does for a hosted tool is shown as that tool's item; `builtIn` has the field of each. */
function withBuiltIn(
  claude: ClaudeOptions,
  builtIn: ReadonlyMap<string, string>,
): { claude: ClaudeOptions; fields: ReadonlyMap<string, string> } {
  if (builtIn.size === 0) return { claude, fields: builtIn }
  const tools = [...new Set([...claude.tools, ...builtIn.keys()])]
  const fields = new Map<string, string>()
  for (const [name, field] of builtIn) {
    const index = tools.indexOf(name)
    if (index >= claude.tools.length) fields.set(`claude_options.tools[${index}]`, field)
  }
  return { claude: { ...claude, tools, includeActivity: true }, fields }
}

/** Claude Code's own output formats make a document of the whole turn; functions and schemas want its answer. */
function refuseTwoFormats(request: ResponseRequest, format: ClaudeOptions['outputFormat']): void {
  if (format === 'text') return
  const others: [string, boolean][] = [
    ['tools', (request.tools?.length ?? 0) > 0],
    ['text.format', (request.text?.format?.type ?? 'text') !== 'text'],
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

function checkParameters(
  request: ResponseRequest,
  disclosures: Disclosures,
  seal: Seal | undefined,
): void {
  applyTable(request, { table: responseParameters, api: 'responses' }, disclosures)
  if (request.stream_options?.include_obfuscation) {
    disclosures.ignore('stream_options.include_obfuscation', 'Events are not padded.')
  }
  const verbosity = request.text?.verbosity ?? 'medium'
  if (verbosity !== 'medium') {
    disclosures.ignore('text.verbosity', 'Claude has no such setting; ask for it in the prompt.')
  }
  const context = request.reasoning?.context ?? 'auto'
  if (context !== 'auto') {
    disclosures.ignore('reasoning.context', 'Thinking of earlier turns is not sent again.')
  }
  for (const [index, value] of (request.include ?? []).entries()) {
    if (value === 'reasoning.encrypted_content' && seal) continue
    checkIncluded(value, `include[${index}]`, disclosures)
  }
}

function checkIncluded(value: string, param: string, disclosures: Disclosures): void {
  if (value === 'message.output_text.logprobs') {
    throw new TurnError(
      'unsupported_parameter',
      `${param} "${value}" is not supported: Claude does not tell the probabilities of tokens. Leave it out.`,
      { param },
    )
  }
  disclosures.ignore('include', 'What it names, this server does not have.', param)
}
