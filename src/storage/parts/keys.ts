/** An API key as it is kept: never its text. */
export type StoredKey = {
  /** Stays over rotation: sessions and usage belong to it. */
  id: string
  name: string
  /** The beginning of its text, by which people know it again. */
  prefix: string
  createdMs: number
  expiresMs?: number
  revokedMs?: number
  /** What it may do, as JSON; `access` knows its form. */
  policy: string
}

/** What may change of a key; null takes a time away. */
export type KeyChange = {
  name?: string
  expiresMs?: number | null
  revokedMs?: number | null
  policy?: string
  /** A new text: its SHA-256 in hex, and its beginning. */
  text?: { hash: string; prefix: string }
}

/** The API keys. */
export type Keys = {
  /** `hash`: the SHA-256 of its text, in hex. */
  insert(key: StoredKey, hash: string): Promise<void>
  find(id: string): Promise<StoredKey | undefined>
  findByHash(hash: string): Promise<StoredKey | undefined>
  /** Oldest first. */
  list(): Promise<StoredKey[]>
  /** Whether there is any key, revoked ones too. */
  any(): Promise<boolean>
  /** The key as it is then; undefined when there is none. */
  update(id: string, change: KeyChange): Promise<StoredKey | undefined>
  /**
   * Removes keys that were revoked or expired before a time, their meters too, 100 at the most; false when nothing was left. Those stay whose
   * usage is still known, which has their names, or whose files; and the newest key of all, so that nobody gets in because there is none.
   */
  removeEnded(endedBeforeMs: number): Promise<boolean>
}

export type KeyRow = {
  id: string
  name: string
  hash: string
  prefix: string
  created_ms: number
  expires_ms: number | null
  revoked_ms: number | null
  policy: string
}
