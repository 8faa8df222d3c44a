import type { Allowance } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'

/** Those by whom the caller's key may be answered. */
export function allowedOf<P extends { backend: { name: string } }>(
  providers: readonly P[],
  allowed: Allowance | undefined,
): readonly P[] {
  const names = allowed?.providers
  return names ? providers.filter(({ backend }) => names.includes(backend.name)) : providers
}

export function nobodyAllowed(allowed: Allowance | undefined): TurnError {
  const names = allowed?.providers?.join(', ') || 'nobody'
  return new TurnError(
    'forbidden',
    `This API key may be answered by ${names} only, and this server has no such provider.`,
  )
}
