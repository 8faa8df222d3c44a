import type { Tool } from 'openai/resources/responses/responses'
import type { TurnError } from '../../turn/error.ts'
import type { ClaudeRun, FinishReason } from '../../turn/event.ts'
import type { TurnResult } from '../../turn/result.ts'
import type { Usage } from '../../turn/usage.ts'
import type { EncodeContext } from '../dialect.ts'
import { withoutAbsent } from '../openai-chat/absent.ts'
import { encodeError } from '../openai-chat/error.ts'
import {
  type ActivityExtension,
  type ClaudeExtension,
  encodeActivity,
  encodeRun,
} from '../openai-chat/extension.ts'
import { type OutputItem, OutputItems, type RanTool } from './output-items.ts'
import { encodeUsage } from './usage.ts'
import type { Repeated, WireResponse } from './wire-types.ts'

type Json = Readonly<Record<string, unknown>>

/** What a response is by now. */
export type ResponseState = {
  status: 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled' | 'queued'
  model?: string
  output: readonly OutputItem[]
  reason?: FinishReason
  error?: TurnError
  usage?: Usage
  claude?: Partial<ClaudeExtension> & { activity?: ActivityExtension[] }
}

/** The whole answer to one turn. */
export function encodeResult(
  [result]: readonly TurnResult[],
  context: EncodeContext,
): Record<string, unknown> {
  if (!result) throw new RangeError('An answer needs a result.')
  const claude = encodeExtension(result.claude, activityOf(result), context.body)
  return encodeResponse(context, {
    status: statusOf(result.reason),
    model: result.model,
    output: encodeOutput(result, context),
    reason: result.reason,
    usage: result.usage,
    ...(claude && { claude }),
  })
}

/** How an answer that ended for this reason is called. */
export function statusOf(reason: FinishReason): 'completed' | 'incomplete' {
  return reason === 'length' || reason === 'content-filter' ? 'incomplete' : 'completed'
}

/** Every field that OpenAI's document or the Open Responses one requires; null where the caller said nothing. */
export function encodeResponse(context: EncodeContext, state: ResponseState): WireResponse {
  // `decode` has held the request to its schema; what a caller sends and no schema knows is given back as it came.
  const body = context.body as Repeated & Json
  const { status } = state
  const isOver = status === 'completed' || status === 'incomplete'
  return {
    id: responseId(context),
    object: 'response',
    created_at: context.created,
    status,
    completed_at: isOver ? context.now() : null,
    background: body.background === true,
    error: state.error ? encodeFailure(state.error) : null,
    incomplete_details: incompleteDetails(state.reason),
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    model: state.model ?? body.model ?? 'claude-code',
    output: [...state.output],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    ...(body.conversation !== undefined &&
      body.conversation !== null && { conversation: conversationOf(body.conversation) }),
    reasoning: {
      effort: body.reasoning?.effort ?? null,
      summary: body.reasoning?.summary ?? null,
    },
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: {
      format: body.text?.format ?? { type: 'text' },
      verbosity: body.text?.verbosity ?? 'medium',
    },
    tool_choice: body.tool_choice ?? 'auto',
    tools: (body.tools ?? []).map(encodeTool),
    top_logprobs: 0,
    top_p: body.top_p ?? 1,
    presence_penalty: body.presence_penalty ?? 0,
    frequency_penalty: body.frequency_penalty ?? 0,
    truncation: 'disabled',
    service_tier: body.service_tier === 'flex' ? 'flex' : 'default',
    usage: state.usage ? encodeUsage(state.usage) : null,
    user: body.user ?? null,
    safety_identifier: body.safety_identifier ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    metadata: body.metadata ?? {},
    ...(state.claude && { claude: state.claude }),
  }
}

/** The answer's id in OpenAI's form. */
export function responseId({ id }: EncodeContext): string {
  return `resp_${id}`
}

/** `claude` beside OpenAI's own fields; the activity only where the caller asks for it. */
export function encodeExtension(
  run: ClaudeRun | undefined,
  activity: ActivityExtension[],
  body: Json,
): ResponseState['claude'] {
  const shown = fieldOf(body.claude_options, 'include_activity') === true ? activity : []
  if (!run && shown.length === 0) return undefined
  return { ...(run && encodeRun(run)), ...(shown.length > 0 && { activity: shown }) }
}

function activityOf({ activity }: TurnResult): ActivityExtension[] {
  return activity.map(encodeActivity)
}

/** The items as a stream has them. A call that a limit cut off is none. */
function encodeOutput(result: TurnResult, context: EncodeContext): OutputItem[] {
  const items = new OutputItems(context)
  const output: OutputItem[] = []
  const uses = new Map<string, RanTool['use']>()
  for (const one of result.order) {
    const status = one === result.parts.at(-1) ? statusOf(result.reason) : 'completed'
    const at = output.length
    switch (one.type) {
      case 'text':
        output.push(items.message(at, one.text, status))
        break
      case 'reasoning':
        output.push(items.reasoning(at, one.text, status, items.sealed([one])))
        break
      case 'sealed-reasoning':
        if (items.withSealed)
          output.push(items.reasoning(at, undefined, status, items.sealed([one])))
        break
      case 'tool-call':
        if (one.kind === 'custom' || isJson(one.input)) output.push(items.call(at, one, status))
        break
      case 'tool-use':
        uses.set(one.id, one)
        break
      case 'tool-result': {
        const use = uses.get(one.id)
        if (use && items.isItem(use)) output.push(...items.ran(at, { use, result: one }))
        break
      }
    }
  }
  // Whoever reads the first item finds one.
  return output.length > 0 ? output : [items.message(0, '', statusOf(result.reason))]
}

/** Arguments that a token limit cut off are no call. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Codex reads some of our codes here; for all others there are OpenAI's. */
const ownCodes = new Set(['context_length_exceeded', 'insufficient_quota', 'rate_limit_exceeded'])

function encodeFailure(error: TurnError): { code: string; message: string } {
  const { message } = encodeError(error).error
  return { code: failureCode(error), message }
}

function failureCode(error: TurnError): string {
  if (ownCodes.has(error.code)) return error.code
  if (error.row.status === 429) return 'rate_limit_exceeded'
  return error.row.status < 500 ? 'invalid_prompt' : 'server_error'
}

function incompleteDetails(reason: FinishReason | undefined): WireResponse['incomplete_details'] {
  switch (reason) {
    case 'length':
      return { reason: 'max_output_tokens' }
    case 'content-filter':
      return { reason: 'content_filter' }
    case 'stop':
    case 'tool-calls':
    case undefined:
      return null
  }
}

/** A tool as OpenAI gives it back: what the caller left out, or said as null, is filled in where OpenAI always says it. */
function encodeTool(tool: Tool): Tool {
  switch (tool.type) {
    case 'function': {
      const { type, name } = tool
      const unsaid = { description: null, parameters: null, strict: false }
      return { ...unsaid, type, name, ...withoutAbsent(tool) }
    }
    case 'namespace': {
      const { type, name, tools } = tool
      const own = tools.map(withoutNulls)
      return { description: '', type, name, ...withoutAbsent(tool), tools: own }
    }
    default:
      return withoutNulls(tool)
  }
}

/** What may be null may be absent as well, in every tool of OpenAI's. */
function withoutNulls<Item extends object>(item: Item): Item {
  return withoutAbsent(item) as Item
}

function conversationOf(conversation: unknown): { id: string } {
  const id = typeof conversation === 'string' ? conversation : fieldOf(conversation, 'id')
  return { id: String(id) }
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Json)[field] : undefined
}
