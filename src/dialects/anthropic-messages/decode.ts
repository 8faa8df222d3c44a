import type { ClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import { type Effort, type Turn } from '../../turn/turn.ts'
import type { DecodedRequest, DecodeOptions } from '../dialect.ts'
import { applyTable } from '../parameter-table.ts'
import { Disclosures } from '../openai-chat/disclosures.ts'
import { decodeOptions } from '../openai-chat/options.ts'
import { decodeMessages } from './messages.ts'
import { parameters } from './parameters.ts'
import { type MessagesRequest, parseRequest } from './request.ts'
import { decodeOutput, decodeTools } from './tools.ts'

export const dialectName = 'anthropic-messages'

/** Reads a request body. Throws a `TurnError` that names the field, what came and what is allowed. */
export function decode(body: unknown, options: Pick<DecodeOptions, 'strict'>): DecodedRequest {
  const request = parseRequest(body)
  const disclosures = new Disclosures(options.strict)
  applyTable(request, { table: parameters, api: 'the Messages API' }, disclosures)
  const { instructions, messages } = decodeMessages(request.system, request.messages, disclosures)
  const { builtIn, ...toolUse } = decodeTools(request, disclosures)
  const claude = withTools(decodeOptions(request.claude_options), builtIn)
  refuseTwoFormats(request, claude.outputFormat)
  const effort = effortOf(request)
  const turn: Turn = {
    model: request.claude_options?.model ?? request.model,
    instructions,
    messages,
    limits: {
      stopSequences: request.stop_sequences ?? [],
      maxOutputTokens: request.max_tokens,
    },
    ...toolUse,
    output: decodeOutput(request),
    isOneOfMany: false,
    claude,
    source: { dialect: dialectName, body: body as Readonly<Record<string, unknown>> },
  }
  if (effort !== undefined) turn.effort = effort
  if (isWithoutThinking(request)) turn.thinking = 'off'
  noteThinking(request, disclosures)
  return { turn, stream: request.stream ?? false, choices: 1, notices: disclosures.notices }
}

function effortOf({
  claude_options: options,
  output_config: config,
}: MessagesRequest): Effort | undefined {
  return options?.effort ?? config?.effort ?? undefined
}

/** As at the API: who does not ask for thinking gets none. */
function isWithoutThinking({ thinking }: Pick<MessagesRequest, 'thinking'>): boolean {
  return !thinking || thinking.type === 'disabled'
}

function noteThinking({ thinking }: MessagesRequest, disclosures: Disclosures): void {
  if (thinking?.type === 'enabled') {
    disclosures.ignore(
      'thinking.budget_tokens',
      'Claude Code thinks as much as the effort says: `output_config.effort`.',
    )
  }
  if (thinking?.type === 'between_tools')
    disclosures.ignore('thinking.type', 'Claude Code thinks where it sees fit.')
}

/** Claude Code's own tools that stand for the API's are asked for as any other. */
function withTools(claude: ClaudeOptions, rules: readonly string[]): ClaudeOptions {
  if (rules.length === 0) return claude
  return { ...claude, tools: [...new Set([...claude.tools, ...rules])] }
}

/** Claude Code's own output formats make a document of the whole turn; tools and schemas want its answer. */
function refuseTwoFormats(request: MessagesRequest, format: ClaudeOptions['outputFormat']): void {
  if (format === 'text') return
  const others: [string, boolean][] = [
    ['tools', (request.tools?.length ?? 0) > 0],
    ['output_config.format', decodeOutput(request).type !== 'text'],
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
