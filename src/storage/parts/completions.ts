type Json = Readonly<Record<string, unknown>>

/** A chat completion that its caller asked to store. */
export type StoredCompletion = {
  id: string
  /** The caller; nobody else sees it. */
  owner: string
  /** As it was asked for, where it was. */
  askedModel?: string
  /** The one that answered. */
  model: string
  metadata: Record<string, string>
  /** The answer as it was given, but for the metadata. */
  answer: Json
  createdMs: number
}

/** What an owner wants to see; `after` is the id of the last one of the page before. */
export type CompletionQuery = {
  limit: number
  after?: string
  order: 'asc' | 'desc'
  /** As it was asked for, or as it answered. */
  model?: string
  /** All of these pairs. */
  metadata?: Readonly<Record<string, string>>
}

/** Stored chat completions; each function but the last sees those of one owner only. */
export interface Completions {
  /** Keeps one and the messages that it answers; one of the same id and owner is replaced. */
  insert(completion: StoredCompletion, messages: readonly unknown[]): Promise<void>
  find(owner: string, id: string): Promise<StoredCompletion | undefined>
  /** What it answers. */
  messages(owner: string, id: string): Promise<unknown[] | undefined>
  /** By their age; none where `after` names none of the owner's. */
  list(owner: string, query: CompletionQuery): Promise<StoredCompletion[]>
  /** The completion as it is then; undefined when there is none. */
  setMetadata(
    owner: string,
    id: string,
    metadata: Record<string, string>,
  ): Promise<StoredCompletion | undefined>
  /** Whether there was one. */
  remove(owner: string, id: string): Promise<boolean>
  /** Removes those from before a time, 100 at the most; tells how many. */
  removeOlder(createdBeforeMs: number): Promise<number>
}

/** A row of the table `completion`; `metadata`, `messages` and `answer` are sealed. */
export type CompletionRow = {
  owner: string
  id: string
  asked_model: string | null
  model: string
  metadata: string
  messages: string
  answer: string
  created_ms: number
}
