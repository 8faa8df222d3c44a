import type { Message, UserPart } from '../turn/message.ts'
import type { Turn } from '../turn/turn.ts'

/** Characters of plain ASCII that make a token of Claude's, about; other characters are about one token each. */
const charactersPerToken = 3.5
/** What a message adds for its role and its borders. */
const tokensPerMessage = 4
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
  let tokens = 0
  for (const text of instructions) tokens += tokensOfText(text)
  for (const message of messages) tokens += tokensOfMessage(message)
  for (const tool of tools) tokens += tokensOfText(JSON.stringify(tool))
  return Math.ceil(tokens)
}

function tokensOfMessage({ content }: Message): number {
  let tokens = tokensPerMessage
  for (const part of content) {
    tokens +=
      part.type === 'tool-call'
        ? tokensOfText(part.name) + tokensOfText(part.input)
        : tokensOfPart(part)
  }
  return tokens
}

function tokensOfPart(part: UserPart): number {
  switch (part.type) {
    case 'text':
      return tokensOfText(part.text)
    case 'image':
      return tokensPerPicture
    case 'document':
      return part.source.type === 'text'
        ? tokensOfText(part.source.text)
        : tokensOfPages(part.source.data)
    case 'file':
      return tokensOfPages(part.url)
  }
}

function tokensOfPages(base64: string): number {
  return tokensPerPage * Math.ceil(base64.length / charactersPerPage)
}

function tokensOfText(text: string): number {
  const others = text.match(/\P{ASCII}/gu)?.length ?? 0
  return (text.length - others) / charactersPerToken + others
}
