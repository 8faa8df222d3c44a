/** A response that was given, and what it was asked with. Times are epoch milliseconds. */
export type StoredResponse = {
  id: string
  owner: string
  createdMs: number
  /** When it, or a response that goes on from it, was last given. */
  usedMs: number
  /** The response that it goes on from. */
  previous?: string
  /** The items that are its own, without those of the responses before it; as JSON. */
  input: string
  /** The response as its caller sees it, as JSON. */
  body: string
  /** The events of its stream as they went over the wire, as JSON; of those that were made in the background. */
  events?: string
}

/** Responses that can be found again. Each owner's are its own. */
export interface Responses {
  /** Another of the same id and owner is replaced. */
  put(response: StoredResponse): Promise<void>
  find(owner: string, id: string): Promise<StoredResponse | undefined>
  /** A response and all before it, oldest first; nothing when one of them is gone. All of them count as used at `nowMs`. */
  chain(owner: string, id: string, nowMs: number): Promise<StoredResponse[]>
  /** It is used now. */
  renew(owner: string, id: string, nowMs: number): Promise<void>
  /** Notes that its caller wants it to end; whoever makes it sees that. Whether there is one. */
  cancel(owner: string, id: string, nowMs: number): Promise<boolean>
  /** Those of these responses, 500 at the most, that their callers want to end. */
  cancelled(ids: readonly string[]): Promise<string[]>
  /** Whether there was one. */
  remove(owner: string, id: string): Promise<boolean>
  /** Removes what was last used before this time. */
  clean(usedBeforeMs: number): Promise<void>
}

/** A row of the table `response`. */
export type ResponseRow = {
  id: string
  owner: string
  created_ms: number
  used_ms: number
  previous: string | null
  input: string
  body: string
  events: string | null
  /** When its caller wanted it to end before it did. */
  cancel_ms: number | null
}
