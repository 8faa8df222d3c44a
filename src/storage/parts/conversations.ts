/** A conversation that callers keep adding to. Times are epoch milliseconds. */
export type Conversation = {
  id: string
  owner: string
  createdMs: number
  /** When something was last added to it, or read for an answer. */
  usedMs: number
  /** As JSON. */
  metadata: string
}

/** One item of a conversation; `body` is JSON. */
export type ConversationItem = { id: string; body: string }

/** Conversations and their items, in order. Each owner's are its own. */
export interface Conversations {
  insert(conversation: Conversation): Promise<void>
  find(owner: string, id: string): Promise<Conversation | undefined>
  /** Whether there is one. */
  change(owner: string, id: string, metadata: string): Promise<boolean>
  /** With its items; whether there was one. */
  remove(owner: string, id: string): Promise<boolean>
  /** Adds items at the end, 500 at the most. Whether there is such a conversation. */
  append(
    owner: string,
    id: string,
    items: readonly ConversationItem[],
    nowMs: number,
  ): Promise<boolean>
  /** All of them, from the first on; of a conversation that `find` found. */
  items(id: string): Promise<ConversationItem[]>
  /** An item of any of an owner's conversations, by its id. */
  findItem(owner: string, item: string): Promise<ConversationItem | undefined>
  removeItem(id: string, item: string): Promise<boolean>
  /** Removes what was last used before this time. */
  clean(usedBeforeMs: number): Promise<void>
}

/** A row of the table `conversation`. */
export type ConversationRow = {
  id: string
  owner: string
  created_ms: number
  used_ms: number
  metadata: string
}

/** A row of the table `conversation_item`; `n` orders them. */
export type ConversationItemRow = { conversation: string; n: number; id: string; body: string }
