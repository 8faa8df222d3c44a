import { LRUCache } from 'lru-cache'
import type { Keys } from '../storage/parts/keys.ts'
import { TurnError } from '../turn/error.ts'
import { type Caller, ownerOf } from './caller.ts'
import { Fresh } from './fresh.ts'
import { type ApiKey, hashOf, looksLikeKey, readKey } from './keys.ts'
import { isUnlimited } from './policy.ts'

export type KeyRingOptions = {
  /** Resolves when the storage is open. */
  keys: Promise<Keys>
  now?: () => number
  /** Remembers beyond this process that there are keys, for a start without storage. */
  memory?: { get(): boolean; set(hasKeys: boolean): void }
  /** Keys may be made elsewhere: what this machine has never seen, it does not know. */
  isShared?: boolean
}

/** Known keys beyond this number are read each time. */
const capacity = 10_000

/**
 * Knows callers by stored keys, without waiting for the storage each time: what is changed in it holds within a second. While it cannot be
 * used, keys that were used before go on for five minutes.
 */
export class KeyRing {
  readonly #options: KeyRingOptions
  readonly #now: () => number
  readonly #known = new LRUCache<string, Fresh<ApiKey | undefined>>({ max: capacity })
  readonly #any: Fresh<boolean>
  #hasKeys: boolean

  constructor(options: KeyRingOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#hasKeys = options.memory?.get() ?? false
    this.#any = new Fresh(() => this.#lookForAny(), { now: this.#now })
  }

  /** Whether nobody gets in without a key, because there is one. Throws `storage_unavailable` where that cannot be known. */
  asksForKey(): boolean | Promise<boolean> {
    return this.#hasKeys || this.#any.get()
  }

  /** Whose text it is; undefined when it is no key's. Throws `invalid_api_key` for a revoked one, and `expired_api_key`. */
  find(text: string): Caller | undefined | Promise<Caller | undefined> {
    if (!looksLikeKey(text)) return undefined
    const hash = hashOf(text)
    const key = (this.#known.get(hash) ?? this.#fresh(hash)).get()
    return key instanceof Promise ? key.then((found) => this.#admit(found)) : this.#admit(key)
  }

  /** Who a key's owner is, by its id. Throws as `find`, and `invalid_api_key` for one that is no more. */
  async ofKey(id: string): Promise<Caller> {
    const keys = await this.#options.keys
    const stored = await keys.find(id)
    const caller = stored && this.#admit(readKey(stored))
    if (caller) return caller
    throw new TurnError('invalid_api_key', 'The API key that asked this is no more.')
  }

  #fresh(hash: string): Fresh<ApiKey | undefined> {
    const fresh: Fresh<ApiKey | undefined> = new Fresh(
      async () => {
        const keys = await this.#options.keys
        const stored = await keys.findByHash(hash)
        if (stored === undefined) this.#known.delete(hash)
        // Only texts that are keys are remembered: others would push them out.
        else this.#known.set(hash, fresh)
        return stored && readKey(stored)
      },
      { now: this.#now },
    )
    return fresh
  }

  #admit(key: ApiKey | undefined): Caller | undefined {
    if (key === undefined) return undefined
    const { expiresMs, revokedMs, prefix, policy } = key
    if (revokedMs !== undefined)
      throw new TurnError('invalid_api_key', `The API key ${prefix}… has been revoked.`)
    if (expiresMs !== undefined && expiresMs <= this.#now()) {
      const day = new Date(expiresMs).toISOString()
      throw new TurnError('expired_api_key', `The API key ${prefix}… expired at ${day}.`)
    }
    return { owner: ownerOf(key.id), keyId: key.id, ...(!isUnlimited(policy) && { policy }) }
  }

  async #lookForAny(): Promise<boolean> {
    const { memory } = this.#options
    try {
      const keys = await this.#options.keys
      this.#hasKeys = await keys.any()
      memory?.set(this.#hasKeys)
      return this.#hasKeys
    } catch (error) {
      if (!(error instanceof TurnError) || error.code !== 'storage_unavailable') throw error
      if (this.#options.isShared) throw unknown(error)
      // Only a machine that has never seen a key gets here, and without API_KEY it serves itself alone.
      return false
    }
  }
}

function unknown(cause: TurnError): TurnError {
  return new TurnError(
    'storage_unavailable',
    `Whether this server has API keys is not known while its storage is away, so nobody is let in without the API_KEY. ${cause.message}`,
    { cause, retryAfterMs: cause.retryAfterMs ?? 5_000 },
  )
}
