import type { UserPart } from '../../turn/message.ts'
import { Disclosures } from '../openai-chat/disclosures.ts'
import { decodeMessages } from './messages.ts'
import { parseCountRequest } from './request.ts'
import { decodeTools } from './tools.ts'

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
 * About how many tokens the prompt of a request has, by the length of what it says: only the API could count them, and Claude Code cannot ask
 * it. Throws a `TurnError` for a body that is no request.
 */
export function estimateTokens(body: unknown): number {
  const request = parseCountRequest(body)
  const disclosures = new Disclosures(false)
  const { instructions, messages } = decodeMessages(request.system, request.messages, disclosures)
  const { tools } = decodeTools(request, disclosures)
  let tokens = instructions.map(tokensOfText).reduce((sum, one) => sum + one, 0)
  for (const { content } of messages) {
    tokens += tokensPerMessage
    for (const part of content) {
      tokens +=
        part.type === 'tool-call'
          ? tokensOfText(part.name) + tokensOfText(part.input)
          : tokensOfPart(part)
    }
  }
  if (tools.length > 0) tokens += tokensOfTools
  for (const tool of tools) tokens += tokensOfText(JSON.stringify(tool))
  return Math.ceil(tokens)
}

function tokensOfPart(part: UserPart): number {
  switch (part.type) {
    case 'text':
      return tokensOfText(part.text)
    case 'image':
      return tokensPerPicture
    case 'document':
      return (
        tokensOfText(part.name) +
        (part.source.type === 'text'
          ? tokensOfText(part.source.text)
          : tokensOfPages(part.source.data))
      )
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
