import type { TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'

/** Throws `forbidden` when the caller's key may not be answered by this provider. */
export function mustAllow({ allowed }: TurnContext, provider: string): void {
  const providers = allowed?.providers
  if (providers === undefined || providers.includes(provider)) return
  throw new TurnError(
    'forbidden',
    `This API key may be answered by ${providers.join(', ') || 'nobody'} only, and ${provider} is all that this server has.`,
  )
}
