import { Disclosures } from '../openai-chat/disclosures.ts'
import { estimateTokens } from '../token-estimate.ts'
import { decodeMessages } from './messages.ts'
import { parseCountRequest } from './request.ts'
import { decodeTools } from './tools.ts'

/** About how many tokens the prompt of a request has. Throws a `TurnError` for a body that is no request. */
export function countTokens(body: unknown): number {
  const request = parseCountRequest(body)
  const disclosures = new Disclosures(false)
  const { tools } = decodeTools(request, disclosures)
  return estimateTokens({
    ...decodeMessages(request.system, request.messages, disclosures),
    tools,
  })
}
