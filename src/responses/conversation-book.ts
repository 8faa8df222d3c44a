import { randomUUID } from 'node:crypto'
import type { Conversation, Conversations } from '../storage/parts/conversations.ts'
import { TurnError } from '../turn/error.ts'
import { type Item, listedItem } from './items.ts'

type Json = Record<string, unknown>

export type ConversationBookOptions = {
  storage: Promise<{ conversations: Conversations }>
  keepMs: number
  now: () => number
}

/** What one transaction of the storage takes. */
const slice = 500

/** Conversations that callers, and answers, add to. Each owner sees its own only; what is not there is `conversation_not_found`. */
export class ConversationBook {
  readonly #options: ConversationBookOptions

  constructor(options: ConversationBookOptions) {
    this.#options = options
  }

  async create(owner: string, metadata: Json, items: readonly Item[]): Promise<Json> {
    const { conversations } = await this.#options.storage
    const nowMs = this.#options.now()
    const conversation: Conversation = {
      id: `conv_${randomUUID().replaceAll('-', '')}`,
      owner,
      createdMs: nowMs,
      usedMs: nowMs,
      metadata: JSON.stringify(metadata),
    }
    await conversations.insert(conversation)
    await this.add(owner, conversation.id, items)
    return shownConversation(conversation)
  }

  async find(owner: string, id: string): Promise<Json> {
    return shownConversation(await this.#find(owner, id))
  }

  async change(owner: string, id: string, metadata: Json): Promise<Json> {
    const { conversations } = await this.#options.storage
    if (!(await conversations.change(owner, id, JSON.stringify(metadata)))) missing(id)
    return this.find(owner, id)
  }

  async remove(owner: string, id: string): Promise<void> {
    const { conversations } = await this.#options.storage
    if (!(await conversations.remove(owner, id))) missing(id)
  }

  /** Adds items of a caller's, and gives them as they are listed. */
  async add(owner: string, id: string, items: readonly Item[]): Promise<Item[]> {
    const listed = items.map((item) => listedItem(item, randomUUID().replaceAll('-', ''), 0))
    await this.append(owner, id, listed)
    return listed
  }

  /** Adds items that have ids already. */
  async append(owner: string, id: string, items: readonly Item[]): Promise<void> {
    const { conversations } = await this.#options.storage
    for (let at = 0; at === 0 || at < items.length; at += slice) {
      const some = items
        .slice(at, at + slice)
        .map((item) => ({ id: String(item.id), body: JSON.stringify(item) }))
      const isThere = await conversations.append(owner, id, some, this.#options.now())
      if (!isThere) missing(id)
    }
  }

  /** From the first on. */
  async items(owner: string, id: string): Promise<Item[]> {
    await this.#find(owner, id)
    const { conversations } = await this.#options.storage
    const items = await conversations.items(id)
    return items.map(({ body }) => JSON.parse(body) as Item)
  }

  async item(owner: string, id: string, item: string): Promise<Item> {
    const items = await this.items(owner, id)
    return items.find((other) => other.id === item) ?? missingItem(item)
  }

  /** An item of any of them, by its id. */
  async findItem(owner: string, item: string): Promise<Item | undefined> {
    const { conversations } = await this.#options.storage
    const found = await conversations.findItem(owner, item)
    return found && (JSON.parse(found.body) as Item)
  }

  /** Gives the conversation without it. */
  async removeItem(owner: string, id: string, item: string): Promise<Json> {
    const conversation = await this.find(owner, id)
    const { conversations } = await this.#options.storage
    if (!(await conversations.removeItem(id, item))) missingItem(item)
    return conversation
  }

  async clean(): Promise<void> {
    const { conversations } = await this.#options.storage
    await conversations.clean(this.#options.now() - this.#options.keepMs)
  }

  async #find(owner: string, id: string): Promise<Conversation> {
    const { conversations } = await this.#options.storage
    return (await conversations.find(owner, id)) ?? missing(id)
  }
}

function shownConversation({ id, createdMs, metadata }: Conversation): Json {
  return {
    id,
    object: 'conversation',
    created_at: Math.floor(createdMs / 1000),
    metadata: JSON.parse(metadata) as Json,
  }
}

function missing(id: string): never {
  const shown = JSON.stringify(id.slice(0, 100))
  throw new TurnError('conversation_not_found', `There is no conversation ${shown} of yours.`, {
    param: 'conversation',
  })
}

function missingItem(id: string): never {
  const shown = JSON.stringify(id.slice(0, 100))
  throw new TurnError('item_not_found', `There is no item ${shown} in this conversation.`, {
    param: 'item_id',
  })
}
