import type { AssistantMessage, Message, UserPart } from '../../turn/message.ts'
import type { OutputFormat, Tool, ToolChoice } from '../../turn/tool.ts'
import type { Turn } from '../../turn/turn.ts'
import { dataUrl, encodePicture } from './pictures.ts'

type Json = Record<string, unknown>

/**
 * A turn of another dialect as a request of this one, for an upstream that speaks only this. What the turn does not say is not asked for. A
 * failed tool's result says so in its own words only, and pictures among results follow as the user's, because this dialect knows neither.
 */
export function encodeTurn(turn: Turn): Json {
  const { limits, tools, effort } = turn
  return {
    ...(turn.model !== undefined && { model: turn.model }),
    messages: [...instructions(turn.instructions), ...turn.messages.flatMap(encodeMessage)],
    ...(limits.maxOutputTokens !== undefined && { max_completion_tokens: limits.maxOutputTokens }),
    ...(limits.stopSequences.length > 0 && { stop: limits.stopSequences }),
    ...(effort !== undefined && { reasoning_effort: effort }),
    ...(tools.length > 0 && {
      tools: tools.map(encodeTool),
      tool_choice: encodeChoice(turn.toolChoice, tools),
      ...(!turn.parallelToolCalls && { parallel_tool_calls: false }),
    }),
    ...encodeOutput(turn.output),
  }
}

function instructions(texts: readonly string[]): Json[] {
  return texts.length > 0 ? [{ role: 'system', content: texts.join('\n\n') }] : []
}

function encodeMessage(message: Message): Json[] {
  switch (message.role) {
    case 'user':
      return [
        {
          role: 'user',
          content: encodeParts(message.content),
          ...(message.name !== undefined && { name: message.name }),
        },
      ]
    case 'assistant':
      return [encodeAnswer(message)]
    case 'tool': {
      const texts = message.content.filter((part) => part.type === 'text')
      const others = message.content.filter((part) => part.type !== 'text')
      const content = texts.map(({ text }) => text).join('\n\n')
      return [
        { role: 'tool', tool_call_id: message.callId, content },
        ...(others.length > 0 ? [{ role: 'user', content: others.map(encodePart) }] : []),
      ]
    }
  }
}

/** Words alone as a string, which every vendor reads. */
function encodeParts(parts: readonly UserPart[]): string | Json[] {
  const [only, ...others] = parts
  return only?.type === 'text' && others.length === 0 ? only.text : parts.map(encodePart)
}

function encodeAnswer({ content }: AssistantMessage): Json {
  const text = content.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const calls = content.flatMap((part): Json[] => {
    if (part.type !== 'tool-call') return []
    const { id, name, input, kind } = part
    return kind === 'custom'
      ? [{ id, type: 'custom', custom: { name, input } }]
      : [{ id, type: 'function', function: { name, arguments: input } }]
  })
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}

/** A piece of a user message. */
export function encodePart(part: UserPart): Json {
  if (part.type === 'text') return { type: 'text', text: part.text }
  if (part.type === 'image') return { ...encodePicture(part) }
  if (part.type === 'file')
    return { type: 'file', file: { filename: part.name, file_data: part.url } }
  if (part.source.type === 'text') {
    return { type: 'text', text: `${part.name}:\n\n${part.source.text}` }
  }
  return { type: 'file', file: { filename: part.name, file_data: dataUrl(part.source) } }
}

function encodeTool(tool: Tool): Json {
  const { name } = tool
  const described = tool.description === undefined ? {} : { description: tool.description }
  if (tool.kind === 'custom') {
    const format = tool.grammar && { format: { type: 'grammar', grammar: tool.grammar } }
    return { type: 'custom', custom: { name, ...described, ...format } }
  }
  return {
    type: 'function',
    function: {
      name,
      ...described,
      ...(tool.parameters && { parameters: tool.parameters }),
      ...(tool.strict && { strict: true }),
    },
  }
}

function encodeChoice(choice: ToolChoice, tools: readonly Tool[]): unknown {
  if (choice.type === 'auto' || choice.type === 'none') return choice.type
  if (choice.type === 'required' && !choice.names) return 'required'
  const references = (choice.names ?? []).map((name) => reference(name, tools))
  const [only, ...others] = references
  if (choice.type === 'required' && only && others.length === 0) return only
  const mode = choice.type === 'required' ? 'required' : 'auto'
  return { type: 'allowed_tools', allowed_tools: { mode, tools: references } }
}

function reference(name: string, tools: readonly Tool[]): Json {
  const isCustom = tools.some((tool) => tool.name === name && tool.kind === 'custom')
  return isCustom ? { type: 'custom', custom: { name } } : { type: 'function', function: { name } }
}

function encodeOutput(output: OutputFormat): Json {
  switch (output.type) {
    case 'text':
      return {}
    case 'json-object':
      return { response_format: { type: 'json_object' } }
    case 'json-schema': {
      const { name, schema, strict } = output
      return { response_format: { type: 'json_schema', json_schema: { name, schema, strict } } }
    }
  }
}
