import type { DecodedRequest, Dialect, EncodeContext } from '../dialects/dialect.ts'
import type { Completions } from '../storage/parts/completions.ts'
import type { Notice, TurnEvent } from '../turn/event.ts'
import { collect } from '../turn/result.ts'

/** Where answers are stored that callers ask to store. */
export type StoredParts = {
  /** Once the storage is open. */
  completions: () => Promise<Completions>
  /** Whether the storage can be used, by what is known of it now. */
  isThere: () => boolean
}

type Options = {
  dialect: Pick<Dialect, 'encodeResult'>
  decoded: DecodedRequest
  context: EncodeContext
  owner: string
  requestId: string
  /** Told of what kept it from being stored. */
  onFault: (error: unknown) => void
}

/** What is told where an answer could not be stored; it is given all the same. */
const notStored: Notice = {
  type: 'remark',
  text: 'the answer is not stored: the storage cannot be used now',
}

/** What is told where nobody's answers are stored. */
const storesNone: Notice = {
  type: 'remark',
  text: 'the answer is not stored: this server stores none (STORED_KEEP_DAYS)',
}

/** An answer that is to be stored, as it comes: the same whether it is streamed or whole, and whoever gives it. */
export class StoredAnswer {
  readonly #stored: StoredParts
  readonly #options: Options
  readonly #events: TurnEvent[][]
  #startId: string | undefined

  constructor(stored: StoredParts, options: Options) {
    this.#stored = stored
    this.#options = options
    this.#events = Array.from({ length: options.decoded.choices }, () => [])
  }

  push(choice: number, event: TurnEvent): void {
    if (event.type === 'start') this.#startId ??= event.id
    this.#events[choice]?.push(event)
  }

  /** Stores it. Where that fails the answer must not be lost: then it says what is to be told. */
  async keep(): Promise<Notice | undefined> {
    try {
      await this.#keep()
      return undefined
    } catch (error) {
      this.#options.onFault(error)
      return notStored
    }
  }

  async #keep(): Promise<void> {
    const { dialect, decoded, context, owner, requestId } = this.#options
    const results = await Promise.all(this.#events.map((events) => collect(each(events))))
    const [first] = results
    // Several choices share the id of the one that began first, in a stream too.
    if (first && this.#startId !== undefined && results.length > 1) first.id = this.#startId
    const { claude: _claude, ...answer } = dialect.encodeResult(results, context)
    const { body } = context
    const { model: askedModel } = decoded.turn
    const completions = await this.#stored.completions()
    const messages: unknown[] = Array.isArray(body.messages) ? body.messages : []
    await completions.insert(
      {
        id: String(answer.id),
        owner,
        ...(askedModel !== undefined && { askedModel }),
        model: String(answer.model),
        metadata: metadataOf(body),
        answer: { ...answer, request_id: requestId, ...asked(body) },
        createdMs: Date.now(),
      },
      messages,
    )
  }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

/**
 * Begins to store the answer to a request that has `store`. `notices` are what is known at once: in a stream nothing can be told later.
 * `stored` is undefined where nobody's answers are stored.
 */
export function beginStoring(
  stored: StoredParts | undefined,
  options: Options,
): { answer?: StoredAnswer; notices: Notice[] } {
  if (!stored) return { notices: [storesNone] }
  const isAway = options.decoded.stream && !stored.isThere()
  return { answer: new StoredAnswer(stored, options), notices: isAway ? [notStored] : [] }
}

/** What of the request OpenAI shows with a stored answer. */
const shownParameters = [
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'tools',
  'tool_choice',
  'response_format',
] as const

function asked(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown = shownParameters.map((name) => [name, body[name] ?? null])
  return { ...Object.fromEntries(shown), input_user: body.user ?? null }
}

function metadataOf({ metadata }: Readonly<Record<string, unknown>>): Record<string, string> {
  return typeof metadata === 'object' && metadata !== null
    ? (metadata as Record<string, string>)
    : {}
}
