import type {
  ChatCompletionContentPart,
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
} from 'openai/resources/chat/completions'
import type { ConversationMessage } from '../scripted-anthropic/server.ts'

type Block = ConversationMessage['content'][number]

/**
 * What the model must get of a conversation: what was sent, turn by turn and block by block. The only differences are the Anthropic
 * API's own, and this is the whole list:
 *
 * 1. It has no system and developer messages: their texts are the system prompt, in order (`expectedSystem`).
 * 2. It has no tool messages: a result is a `tool_result` block of the user's. A call's arguments are JSON, not its text; a custom
 *    tool's text is the one field `input`.
 * 3. Neighbours of one role are one message.
 * 4. It refuses empty text, and blank text (white space alone) that has no other text beside it. Both are left out, of the user's
 *    messages all blank text, and a message that has nothing else goes with it.
 * 5. Text is Unicode: half of a surrogate pair is U+FFFD.
 * 6. It has no names: a message's is a text before the message's own content, `name: alice`. An empty one is none, and an answer's is
 *    left out: the model would go on in its way.
 * 7. A picture's bytes and type are two fields, not a URL. A refusal of an earlier answer is its text.
 */
export function expectedConversation(
  messages: readonly ChatCompletionMessageParam[],
): ConversationMessage[] {
  const turns = messages.flatMap((message): ConversationMessage[] =>
    message.role === 'system' || message.role === 'developer'
      ? []
      : [{ role: message.role === 'assistant' ? 'assistant' : 'user', content: blocksOf(message) }],
  )
  return merged(
    merged(turns).map(({ role, content }) => ({
      role,
      content: role === 'user' ? content.filter(isShown) : withoutBlank(content),
    })),
  )
}

function merged(turns: readonly ConversationMessage[]): ConversationMessage[] {
  const found: ConversationMessage[] = []
  for (const { role, content } of turns) {
    const last = found.at(-1)
    if (last?.role === role) last.content.push(...content)
    else if (content.length > 0) found.push({ role, content: [...content] })
  }
  return found
}

function withoutBlank(content: readonly Block[]): Block[] {
  const words = content.filter((block) => block['type'] === 'text' && isShown(block))
  return words.length > 0 ? [...content] : content.filter(isShown)
}

function isShown({ type, text }: Block): boolean {
  return type !== 'text' || isVisible(String(text))
}

/** The system prompt that the model must get. */
export function expectedSystem(messages: readonly ChatCompletionMessageParam[]): string {
  const texts = messages.flatMap((message) => {
    if (message.role !== 'system' && message.role !== 'developer') return []
    const { content } = message
    const own = typeof content === 'string' ? [content] : content.map(({ text }) => text)
    return [...nameOf(message), ...own]
  })
  return texts.filter(isVisible).map(wellFormed).join('\n\n')
}

function blocksOf(message: ChatCompletionMessageParam): Block[] {
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'function':
      return []
    case 'user':
      return [...nameOf(message).flatMap(textOf), ...partsOf(message.content)]
    case 'assistant':
      return [...partsOf(message.content ?? ''), ...(message.tool_calls ?? []).map(callOf)]
    case 'tool': {
      const content = withoutBlank(partsOf(message.content))
      const block = { type: 'tool_result', tool_use_id: message.tool_call_id }
      return [content.length > 0 ? { ...block, content } : block]
    }
  }
}

function nameOf({ name }: { name?: string }): string[] {
  return name === undefined || name === '' ? [] : [`name: ${name}`]
}

type Part = ChatCompletionContentPart | { type: 'refusal'; refusal: string }

function partsOf(content: string | readonly Part[]): Block[] {
  const parts: readonly Part[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : content
  return parts.flatMap((part) => {
    switch (part.type) {
      case 'text':
        return textOf(part.text)
      case 'refusal':
        return textOf(part.refusal)
      case 'image_url': {
        const [, media_type, data] = /^data:(.*);base64,(.*)$/.exec(part.image_url.url) ?? []
        return [{ type: 'image', source: { type: 'base64', media_type, data } }]
      }
      default:
        throw new Error(`The generator makes no part of type ${part.type}.`)
    }
  })
}

function textOf(text: string): Block[] {
  return text === '' ? [] : [{ type: 'text', text: wellFormed(text) }]
}

function callOf(call: ChatCompletionMessageToolCall): Block {
  const { id } = call
  if (call.type === 'custom')
    return {
      type: 'tool_use',
      id,
      name: call.custom.name,
      input: { input: wellFormed(call.custom.input) },
    }
  const { name, arguments: input } = call.function
  return { type: 'tool_use', id, name, input: JSON.parse(input) }
}

function isVisible(text: string): boolean {
  return text.trim() !== ''
}

export function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}
