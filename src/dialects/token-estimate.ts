import type { Message } from '../turn/message.ts'
import type { Turn } from '../turn/turn.ts'

/** Characters of plain ASCII that make a token of Claude's, about; other characters are about one token each. */
const charactersPerToken = 3.5
/** What a message adds for its role and its borders. */
const tokensPerMessage = 4
/** What the API adds to say how tools are called, about. */
const tokensOfTools = 350
/** A picture of the largest size that the API does not make smaller. */
const tokensPerPicture = 1_600
/** A page of a PDF is seen and read; its size in base64 says how many there are, about. */
const tokensPerPage = 2_500
const charactersPerPage = 100_000

/**
 * About how many tokens the prompt of a turn has, by the length of what it says: only the API could count them, and Claude Code cannot ask it.
 */
export function estimateTokens({
  instructions,
  messages,
  tools,
}: Pick<Turn, 'instructions' | 'messages' | 'tools'>): number {
  let tokens = tools.length > 0 ? tokensOfTools : 0
  for (const text of instructions) tokens += tokensOfText(text)
  for (const { content } of messages) {
    tokens += tokensPerMessage
    for (const part of content) tokens += tokensOfPart(part)
  }
  for (const tool of tools) tokens += tokensOfText(JSON.stringify(tool))
  return Math.ceil(tokens)
}

function tokensOfPart(part: Message['content'][number]): number {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return tokensOfText(part.text)
    case 'sealed-reasoning':
      return tokensOfText(part.data)
    case 'tool-call':
      return tokensOfText(part.name) + tokensOfText(part.input)
    case 'image':
      return tokensPerPicture
    case 'document': {
      const { name, source } = part
      const content =
        source.type === 'text' ? tokensOfText(source.text) : tokensOfPages(source.data)
      return tokensOfText(name) + content
    }
    case 'file':
      return tokensOfText(part.name) + tokensOfPages(part.url)
  }
}

function tokensOfPages(base64: string): number {
  return tokensPerPage * Math.ceil(base64.length / charactersPerPage)
}

function tokensOfText(text: string): number {
  const others = text.match(/\P{ASCII}/gu)?.length ?? 0
  return (text.length - others) / charactersPerToken + others
}
