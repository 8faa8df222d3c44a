import type { Conversations } from '../storage/parts/conversations.ts'
import type { Responses, StoredResponse } from '../storage/parts/responses.ts'
import { TurnError } from '../turn/error.ts'
import type { ConnectionMemory } from './connection-memory.ts'
import { ConversationBook } from './conversation-book.ts'
import { inputItems, isItem, isWhole, type Item, listedItem, responseOfItem } from './items.ts'

type Json = Record<string, unknown>

export type ResponseBookOptions = {
  /** Resolves when the storage is open. */
  storage: Promise<{ responses: Responses; conversations: Conversations }>
  /** How long a response is kept after its last use; 0: none is. */
  keepMs: number
  now?: () => number
}

/** A request with everything that it names in its place. */
export type OpenedRequest = {
  /** The body, its input being the whole conversation. */
  body: unknown
  /** The items that this request adds; absent where its answer is not kept. */
  own?: Item[]
  /** How many items of earlier responses stand before them. */
  earlier: number
  previous?: string
  /** What the answer, and what asked for it, is added to. */
  conversation?: string
  /** What stood there before, where no kept response says so. */
  conversed?: readonly Item[]
}

/** Responses that can be found again and gone on from. Each owner sees its own only. */
export class ResponseBook {
  readonly #options: ResponseBookOptions
  readonly #now: () => number
  readonly conversations: ConversationBook

  constructor(options: ResponseBookOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    const { storage, keepMs } = options
    this.conversations = new ConversationBook({ storage, keepMs, now: this.#now })
  }

  /** Whether anything is kept. */
  get keeps(): boolean {
    return this.#options.keepMs > 0
  }

  /**
   * Puts the conversation before `previous_response_id` and the items behind references into the input; both may be remembered by the
   * request's connection. Throws `previous_response_not_found`, `item_not_found`, and `storage_unavailable` where something is to be read.
   */
  async open(owner: string, body: unknown, memory?: ConnectionMemory): Promise<OpenedRequest> {
    if (!isItem(body)) return { body, earlier: 0 }
    // With something to go on from, nothing need be added.
    const items = inputItems(body.input ?? [])
    const keeps = body.store !== false && this.#options.keepMs > 0
    const plain = keeps || body.store === false ? body : { ...body, store: false }
    if (items === undefined) return { body: plain, earlier: 0 }
    const own = await this.#resolve(owner, items, memory)
    const { previous_response_id: previous } = body
    const conversation = idOf(body.conversation)
    const remembered = typeof previous === 'string' ? memory?.find(previous) : undefined
    const before =
      remembered ??
      (typeof previous === 'string'
        ? await this.#before(owner, previous)
        : conversation === undefined
          ? []
          : (await this.conversations.items(owner, conversation)).filter(isWhole))
    const isUnchanged = before.length === 0 && own === items
    return {
      // A body that names nothing goes on as it is, with its own words in its errors.
      body: isUnchanged ? plain : { ...plain, input: [...before, ...own] },
      earlier: before.length,
      ...(keeps && { own }),
      ...(typeof previous === 'string' && !remembered && { previous }),
      // What only the connection remembers is kept with the first response that is kept.
      ...(keeps && remembered && { conversed: remembered }),
      ...(keeps && conversation !== undefined && { conversation, conversed: before }),
    }
  }

  /** Keeps an answer to what `open` gave, if it is to be kept. Throws `storage_unavailable`. */
  async keep(
    owner: string,
    request: OpenedRequest,
    response: Json,
    events?: readonly string[],
  ): Promise<void> {
    const { own, previous, conversation, conversed = [] } = request
    const { id, created_at: created, status, output } = response
    if (!own || typeof id !== 'string') return
    const { responses } = await this.#options.storage
    const listed = own.map((item, index) => listedItem(item, id, index))
    await responses.put({
      id,
      owner,
      createdMs: Number(created) * 1000,
      usedMs: this.#now(),
      ...(previous !== undefined && { previous }),
      // Whoever goes on from this response and not in the conversation goes on from all of it.
      input: JSON.stringify([...conversed, ...listed]),
      body: JSON.stringify(response),
      ...(events && { events: JSON.stringify(events) }),
    })
    // A continuation that failed leaves the conversation as it was.
    const isAnswer = status === 'completed' || status === 'incomplete'
    if (conversation !== undefined && isAnswer && Array.isArray(output)) {
      await this.conversations.append(owner, conversation, [...listed, ...(output as Item[])])
    }
  }

  /** As its caller saw it. Throws `response_not_found`. */
  async find(owner: string, id: string): Promise<Json> {
    return (await this.look(owner, id)).response
  }

  /** With the events of its stream, where it was made in the background and is over. Throws `response_not_found`. */
  async look(owner: string, id: string): Promise<{ response: Json; events?: string[] }> {
    const { responses } = await this.#options.storage
    const found = (await responses.find(owner, id)) ?? missing(id)
    const response = read(found.body)
    if (response.status === 'in_progress' && found.usedMs < this.#now() - abandonedMs) {
      return { response: { ...response, status: 'failed', error: abandoned } }
    }
    return {
      response,
      ...(found.events !== undefined && { events: JSON.parse(found.events) as string[] }),
    }
  }

  /** Says that a response is still being made, so that it does not count as abandoned. */
  async renew(owner: string, id: string): Promise<void> {
    const { responses } = await this.#options.storage
    await responses.renew(owner, id, this.#now())
  }

  /** Has whoever makes it end it soon. Throws `response_not_found`. */
  async cancel(owner: string, id: string): Promise<void> {
    const { responses } = await this.#options.storage
    if (!(await responses.cancel(owner, id, this.#now()))) missing(id)
  }

  /** Those of these responses that are to end. */
  async cancelled(ids: readonly string[]): Promise<string[]> {
    const { responses } = await this.#options.storage
    const found: string[] = []
    for (let at = 0; at < ids.length; at += mostLooked) {
      found.push(...(await responses.cancelled(ids.slice(at, at + mostLooked))))
    }
    return found
  }

  /** For good; what goes on from it cannot be gone on from any more. Throws `response_not_found`. */
  async remove(owner: string, id: string): Promise<void> {
    const { responses } = await this.#options.storage
    if (!(await responses.remove(owner, id))) missing(id)
  }

  /** Everything that a response was an answer to, from the beginning of its conversation. Throws `response_not_found`. */
  async input(owner: string, id: string): Promise<Item[]> {
    const { responses } = await this.#options.storage
    const last = (await responses.find(owner, id)) ?? missing(id)
    const before = last.previous === undefined ? [] : await this.#before(owner, last.previous)
    return [...before, ...items(last.input)]
  }

  /** Removes what nobody has used for so long. */
  async clean(): Promise<void> {
    const { responses } = await this.#options.storage
    await responses.clean(this.#now() - this.#options.keepMs)
    await this.conversations.clean()
  }

  async #before(owner: string, id: string): Promise<Item[]> {
    const { responses } = await this.#options.storage
    const chain = await responses.chain(owner, id, this.#now())
    if (chain.length === 0) {
      throw new TurnError(
        'previous_response_not_found',
        `There is no response ${shown(id)} of yours to go on from, or one before it is gone. It may have been asked for with store: false. Send the whole conversation as input.`,
        { param: 'previous_response_id' },
      )
    }
    return chain.flatMap((link) => [...items(link.input), ...outputOf(link).filter(isWhole)])
  }

  /** The same list where nothing in it is a reference. */
  async #resolve(owner: string, list: Item[], memory?: ConnectionMemory): Promise<Item[]> {
    if (!list.some((item) => isItem(item) && item.type === 'item_reference')) return list
    const known = new Map<string, Item[]>()
    const resolved: Item[] = []
    for (const [index, item] of list.entries()) {
      if (!isItem(item) || item.type !== 'item_reference') resolved.push(item)
      else {
        const remembered = typeof item.id === 'string' ? memory?.item(item.id) : undefined
        resolved.push(remembered ?? (await this.#item(owner, item.id, `input[${index}].id`, known)))
      }
    }
    return resolved
  }

  async #item(
    owner: string,
    id: unknown,
    param: string,
    known: Map<string, Item[]>,
  ): Promise<Item> {
    const responseId = typeof id === 'string' ? responseOfItem(id) : undefined
    if (responseId !== undefined && !known.has(responseId)) {
      const { responses } = await this.#options.storage
      const found = await responses.find(owner, responseId)
      known.set(responseId, found ? [...items(found.input), ...outputOf(found)] : [])
    }
    const found = known.get(responseId ?? '')?.find((item) => item.id === id)
    if (found) return found
    const posted =
      responseId === undefined ? undefined : await this.conversations.findItem(owner, String(id))
    if (posted) return posted
    throw new TurnError(
      'item_not_found',
      `${param}: there is no item ${shown(id)} of yours. Items of a response with store: false are not kept; send the item itself.`,
      { param },
    )
  }
}

/** What is asked of the storage at once. */
const mostLooked = 500

/** How long nobody may have said that a response is being made. */
const abandonedMs = 90_000

const abandoned = {
  code: 'server_error',
  message: 'The server that made this response has ended before it was complete.',
}

/** A conversation is named by its id, or by an object with it. */
function idOf(conversation: unknown): string | undefined {
  const id = isItem(conversation) ? conversation.id : conversation
  return typeof id === 'string' ? id : undefined
}

function outputOf({ body }: StoredResponse): Item[] {
  const { output } = read(body)
  return Array.isArray(output) ? output : []
}

function items(json: string): Item[] {
  return JSON.parse(json) as Item[]
}

function read(json: string): Json {
  return JSON.parse(json) as Json
}

function missing(id: string): never {
  throw new TurnError('response_not_found', `There is no response ${shown(id)} of yours.`, {
    param: 'response_id',
  })
}

function shown(id: unknown): string {
  return JSON.stringify(String(id).slice(0, 100))
}
