import type { ApiKey, NewKey } from './keys.ts'
import type { KeyPolicy } from './policy.ts'

/** A key as the admin API and the command line show it; times in Unix seconds, as OpenAI has them. */
export type ShownKey = {
  object: 'api_key'
  id: string
  name: string
  /** The beginning of its text. */
  prefix: string
  status: 'active' | 'expired' | 'revoked'
  created_at: number
  expires_at: number | null
  revoked_at: number | null
  policy: KeyPolicy
  /** The text itself, in the answer to its making only. */
  key?: string
}

export function shownKey(key: ApiKey | NewKey, nowMs: number): ShownKey {
  const { id, name, prefix, createdMs, expiresMs, revokedMs, policy } = key
  return {
    object: 'api_key',
    id,
    name,
    prefix,
    status: status(key, nowMs),
    created_at: seconds(createdMs),
    expires_at: expiresMs === undefined ? null : seconds(expiresMs),
    revoked_at: revokedMs === undefined ? null : seconds(revokedMs),
    policy,
    ...('text' in key && { key: key.text }),
  }
}

function status({ expiresMs, revokedMs }: ApiKey, nowMs: number): ShownKey['status'] {
  if (revokedMs !== undefined) return 'revoked'
  return expiresMs !== undefined && expiresMs <= nowMs ? 'expired' : 'active'
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
