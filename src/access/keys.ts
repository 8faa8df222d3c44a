import { createHash, randomBytes } from 'node:crypto'
import type { KeyChange, Keys, StoredKey } from '../storage/parts/keys.ts'
import { TurnError } from '../turn/error.ts'
import { type KeyPolicy, parsePolicy } from './policy.ts'

/** A key as people see it; its text is told once, when it is made. */
export type ApiKey = Omit<StoredKey, 'policy'> & { policy: KeyPolicy }

/** A key and its text, which nobody can read again. */
export type NewKey = ApiKey & { text: string }

export type KeyWish = {
  name: string
  /** Epoch milliseconds; absent: it does not expire. */
  expiresMs?: number
  policy?: KeyPolicy
}

const beginning = 'sk-cca-'
const shownCharacters = beginning.length + 4
const longestName = 200

/** Makes and changes API keys. What is changed on one node holds on the others within a second. */
export class KeyBook {
  readonly #keys: Keys
  readonly #now: () => number

  constructor(keys: Keys, now: () => number = Date.now) {
    this.#keys = keys
    this.#now = now
  }

  async create({ name, expiresMs, policy = {} }: KeyWish): Promise<NewKey> {
    checkName(name)
    const { text, hash, prefix } = newText()
    const key: StoredKey = {
      id: randomBytes(8).toString('hex'),
      name,
      prefix,
      createdMs: this.#now(),
      ...(expiresMs !== undefined && { expiresMs }),
      policy: JSON.stringify(policy),
    }
    await this.#keys.insert(key, hash)
    return { ...readKey(key), text }
  }

  /** Oldest first, revoked ones too. */
  async list(): Promise<ApiKey[]> {
    const keys = await this.#keys.list()
    return keys.map(readKey)
  }

  /** Throws `key_not_found` when there is none with the id. */
  async show(id: string): Promise<ApiKey> {
    return found(id, await this.#keys.find(id))
  }

  /** Changes its name, expiry or policy; `null` takes an expiry away. */
  change(id: string, change: { name?: string; expiresMs?: number | null; policy?: KeyPolicy }) {
    if (change.name !== undefined) checkName(change.name)
    const { policy, ...rest } = change
    return this.#update(id, {
      ...rest,
      ...(policy !== undefined && { policy: JSON.stringify(policy) }),
    })
  }

  /** Gives it a new text; the old one is refused from then on. Its id, sessions and usage stay. */
  async rotate(id: string): Promise<NewKey> {
    const { text, hash, prefix } = newText()
    const key = await this.#update(id, { text: { hash, prefix } })
    return { ...key, text }
  }

  /** For good: a revoked key stays in the list and is refused. */
  async revoke(id: string): Promise<ApiKey> {
    const key = await this.show(id)
    return key.revokedMs === undefined ? this.#update(id, { revokedMs: this.#now() }) : key
  }

  /** Forgets keys that were revoked or expired longer ago than this, as far as nothing names them any more. */
  async clean(keepMs: number): Promise<void> {
    while (await this.#keys.removeEnded(this.#now() - keepMs));
  }

  async #update(id: string, change: KeyChange): Promise<ApiKey> {
    return found(id, await this.#keys.update(id, change))
  }
}

/** What is kept of a key's text: SHA-256 in hex. The text has 256 random bits, so that nothing slower is needed. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Whether a text can be one of these keys: nothing else is looked up. */
export function looksLikeKey(text: string): boolean {
  return /^sk-cca-[\w-]{43}$/.test(text)
}

/** What is kept of a key as the program has it. */
export function readKey({ policy, ...key }: StoredKey): ApiKey {
  const value: unknown = JSON.parse(policy)
  return { ...key, policy: parsePolicy(value) }
}

function newText(): { text: string; hash: string; prefix: string } {
  const text = `${beginning}${randomBytes(32).toString('base64url')}`
  return { text, hash: hashOf(text), prefix: text.slice(0, shownCharacters) }
}

function found(id: string, key: StoredKey | undefined): ApiKey {
  if (key) return readKey(key)
  throw new TurnError(
    'key_not_found',
    `There is no API key with the id ${JSON.stringify(id.slice(0, 100))}.`,
  )
}

function checkName(name: string): void {
  const isName = name.trim() !== '' && name.length <= longestName && !/[\p{Cc}]/u.test(name)
  if (isName) return
  throw new TurnError(
    'invalid_value',
    `name: it must have 1 to ${longestName} characters on one line.`,
    { param: 'name' },
  )
}
