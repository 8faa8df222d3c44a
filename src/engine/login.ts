import type { TurnError } from '../turn/error.ts'
import type { Introduction } from './processes/claude-process.ts'
import { notLoggedIn } from './failures.ts'

/** What `initialize` tells of the account: neither a login nor a key, and no cloud provider's. */
export function loginFailure({ account }: Introduction): TurnError | undefined {
  const { tokenSource, apiKeySource, apiProvider } = account
  if (apiProvider !== undefined && apiProvider !== 'firstParty') return undefined
  return isNone(tokenSource) && isNone(apiKeySource) ? notLoggedIn() : undefined
}

function isNone(source: string | undefined): boolean {
  return source === undefined || source === 'none'
}
