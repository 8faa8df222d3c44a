import OpenAI from 'openai'
import { KeyBook, type KeyWish, type NewKey } from '../../src/access/keys.ts'
import { openStore, type StoreOptions } from '../../src/storage/open-store.ts'
import type { TestServer } from '../support/server.ts'

/** Opens the storage beside a running server, as a command does, for as long as `use` takes. */
export async function withKeys<T>(
  options: StoreOptions,
  use: (book: KeyBook) => Promise<T>,
): Promise<T> {
  const store = await openStore({ ...options, instance: 'command' })
  try {
    return await use(new KeyBook(store.keys))
  } finally {
    await store.close()
  }
}

export function makeKey(server: TestServer, wish: Partial<KeyWish> = {}): Promise<NewKey> {
  return withKeys(server, (book) => book.create({ name: 'a test', ...wish }))
}

/** The official client with this key. */
export function clientWith({ baseURL }: Pick<TestServer, 'baseURL'>, apiKey: string): OpenAI {
  return new OpenAI({ baseURL, apiKey, maxRetries: 0 })
}

/**
 * Asks again and again until the key is refused. Returns when the last request began that was let in, in milliseconds after `sinceMs` (of
 * `performance.now()`); 0 for none.
 */
export async function lastAcceptedMs(client: OpenAI, sinceMs: number): Promise<number> {
  let accepted = 0
  for (let tries = 0; tries < 10_000; tries++) {
    const began = performance.now() - sinceMs
    try {
      await client.models.list()
      accepted = began
    } catch (error) {
      if (error instanceof OpenAI.AuthenticationError) return accepted
      throw error
    }
  }
  throw new Error('The key is let in for ever.')
}
