import { LRUCache } from 'lru-cache'
import { isItem, type Item } from './items.ts'

type Remembered = { items: readonly Item[]; bytes: number }

/**
 * What all connections remember of responses that are not kept, within one bound: a conversation counts with all of its bytes, and what has not
 * been gone on from for longest is forgotten first.
 */
export class ConnectionMemories {
  readonly #all: LRUCache<string, Remembered>
  #next = 0

  constructor({ limitBytes }: { limitBytes: number }) {
    this.#all = new LRUCache({
      maxSize: limitBytes,
      sizeCalculation: ({ bytes }) => Math.max(1, bytes),
    })
  }

  open(): ConnectionMemory {
    return new ConnectionMemory(this.#all, String(this.#next++))
  }
}

/** What one connection remembers, until it closes. */
export class ConnectionMemory {
  readonly #all: LRUCache<string, Remembered>
  readonly #connection: string
  readonly #ids = new Set<string>()

  constructor(all: LRUCache<string, Remembered>, connection: string) {
    this.#all = all
    this.#connection = connection
  }

  /** Remembers what was said up to a response's end; `from` is the remembered one that it goes on from. */
  put(id: string, items: readonly Item[], from: string | undefined): void {
    const before = from === undefined ? undefined : this.#all.get(this.#key(from))
    const known = before?.items.length ?? 0
    const added = Buffer.byteLength(JSON.stringify(items.slice(known)))
    this.#ids.add(id)
    this.#all.set(this.#key(id), { items, bytes: (before?.bytes ?? 0) + added })
  }

  /** Everything that was said up to its end. */
  find(id: string): readonly Item[] | undefined {
    return this.#all.get(this.#key(id))?.items
  }

  /** An item of what it remembers. */
  item(id: string): Item | undefined {
    for (const response of this.#ids) {
      const item = this.find(response)?.find((one) => isItem(one) && one.id === id)
      if (item) return item
    }
    return undefined
  }

  forget(id: string): void {
    this.#ids.delete(id)
    this.#all.delete(this.#key(id))
  }

  close(): void {
    for (const id of this.#ids) this.forget(id)
  }

  #key(id: string): string {
    return `${this.#connection} ${id}`
  }
}
