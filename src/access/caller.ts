import type { KeyPolicy } from './policy.ts'

/** Who asks. */
export type Caller = {
  /** Whose sessions, cached answers and folders are reached: `anonymous`, or `key-…`. */
  owner: string
  /** Of a stored key. */
  keyId?: string
  /** Absent: whatever the owner's settings allow. */
  policy?: KeyPolicy
}

/** The owner id of a stored key; it stays over rotation. */
export function ownerOf(keyId: string): string {
  return `key-${keyId}`
}
