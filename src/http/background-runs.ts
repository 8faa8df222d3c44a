import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { writeFrame } from '../dialects/sse.ts'
import { BackgroundRun, type RunEvent } from '../responses/background-run.ts'
import type { ResponseBook } from '../responses/response-book.ts'
import { TurnError } from '../turn/error.ts'
import type { DetachedWork } from './dialect-route.ts'
import type { HttpParts } from './parts.ts'
import { SseBody } from './sse-body.ts'

type Json = Record<string, unknown>

/** One answer to be made in the background, and how it is kept. */
export type Begun = {
  work: DetachedWork
  owner: string
  /** Keeps it before anything is said. Throws `storage_unavailable`. */
  begin: (response: Json) => Promise<void>
  /** Keeps it whole. Never throws. */
  keep: (response: Json, events: readonly string[]) => Promise<Json>
  renew: (id: string) => Promise<void>
}

type Looked = { book: ResponseBook; owner: string; id: string; after: number }

/** How often a response says that it is still being made. */
const renewMs = 20_000
/** How often one that another node makes is looked at, and whether another node wants one of ours to end. */
const lookMs = 1_000
/** How long whoever cancels waits for another node to see it, and how often he looks. */
const cancelMs = 5_000
const cancelLookMs = 200

const keepAlive = [{ comment: 'keep-alive' }]

/** The answers that are made in the background by this server. */
export class BackgroundRuns {
  readonly #parts: Pick<HttpParts, 'options' | 'telemetry' | 'responses'>
  readonly #runs = new Map<string, { run: BackgroundRun; made: Promise<void> }>()

  #looking: NodeJS.Timeout | undefined

  constructor(parts: Pick<HttpParts, 'options' | 'telemetry' | 'responses'>) {
    this.#parts = parts
  }

  /** Starts to make an answer, and tells the caller of it: as it is now, or as it comes. */
  async begin(begun: Begun, reply: FastifyReply): Promise<void> {
    const { work, owner } = begun
    const response = work.stream.begun ?? {}
    const id = String(response.id)
    try {
      await begun.begin(response)
    } catch (error) {
      await work.close()
      throw error
    }
    const run = new BackgroundRun(id, owner, work.abort)
    const made = this.#make(run, begun).finally(() => this.#runs.delete(id))
    this.#runs.set(id, { run, made })
    this.#looking ??= setInterval(() => void this.#look(), lookMs)
    if (work.isStreamed) await this.#write(reply, work.headers, (gone) => run.follow(-1, gone))
    else await reply.headers(work.headers).send(response)
  }

  /** The events of a response behind one of them, and those to come. Throws `response_not_found`, and for one that has none. */
  async stream(
    looked: Looked,
    reply: FastifyReply,
    headers: Record<string, string>,
  ): Promise<void> {
    const { book, owner, id, after } = looked
    const run = this.#find(owner, id)
    if (run) {
      await this.#write(reply, headers, (gone) => run.follow(after, gone))
      return
    }
    const { response, events } = await book.look(owner, id)
    if (!events && response.status !== 'in_progress') {
      throw new TurnError(
        'invalid_value',
        'Only a response that was made with background: true has a stream that can be read again.',
        { param: 'stream' },
      )
    }
    await this.#write(reply, headers, (gone) => ended(looked, gone))
  }

  /** Ends it, if it is being made; the response as it is then. Throws for one that is not made in the background. */
  async cancel(book: ResponseBook, owner: string, id: string): Promise<Json> {
    const running = this.#runs.get(id)
    if (running?.run.owner === owner) {
      running.run.cancel()
      await running.made
    }
    const response = await book.find(owner, id)
    if (response.background !== true) {
      throw new TurnError(
        'invalid_value',
        'Only a response that was made with background: true can be cancelled.',
        { param: 'response_id' },
      )
    }
    if (response.status !== 'in_progress') return response
    // Another node makes it.
    await book.cancel(owner, id)
    return this.#whenOver(book, owner, id)
  }

  /** Ends it where it is still being made, on whichever node: its end would bring back what is removed. Throws `response_not_found`. */
  async stop(book: ResponseBook, owner: string, id: string): Promise<void> {
    const { background, status } = await book.find(owner, id)
    if (background === true && status === 'in_progress') await this.cancel(book, owner, id)
  }

  /** Waits for those that are being made. */
  async close(): Promise<void> {
    clearInterval(this.#looking)
    await Promise.allSettled([...this.#runs.values()].map(({ made }) => made))
  }

  /** As it is in the end, or after a while. */
  async #whenOver(book: ResponseBook, owner: string, id: string): Promise<Json> {
    for (let waitedMs = 0; ; waitedMs += cancelLookMs) {
      const response = await book.find(owner, id)
      if (response.status !== 'in_progress' || waitedMs >= cancelMs) return response
      await sleep(cancelLookMs)
    }
  }

  /** Ends those that were cancelled on another node. */
  async #look(): Promise<void> {
    if (this.#runs.size === 0) {
      clearInterval(this.#looking)
      this.#looking = undefined
      return
    }
    try {
      const ids = (await this.#parts.responses?.cancelled([...this.#runs.keys()])) ?? []
      for (const id of ids) this.#runs.get(id)?.run.cancel()
    } catch {
      // The storage is away; whoever renews says so, and the next look comes soon.
    }
  }

  #find(owner: string, id: string): BackgroundRun | undefined {
    const run = this.#runs.get(id)?.run
    return run?.owner === owner ? run : undefined
  }

  /** The last events are told once the whole answer is kept: whoever has read them finds it. */
  async #make(run: BackgroundRun, { work, keep, renew }: Begun): Promise<void> {
    const { stream } = work
    const last: string[] = []
    const renewing = setInterval(() => {
      renew(run.id).catch((error: unknown) => this.#parts.telemetry.fault(error, run.id))
    }, renewMs)
    try {
      for await (const frame of stream.frames(work.events())) {
        if (stream.final) last.push(writeFrame(frame))
        else run.push(writeFrame(frame))
      }
    } catch (thrown) {
      const failure = stream.failure(work.errorOf(thrown)).map(writeFrame)
      // A stream that was cancelled ends with what was said.
      if (!run.isCancelled) last.push(...failure)
    } finally {
      clearInterval(renewing)
      const written = run.events.map((event) => event.written)
      if (stream.final) await keep(asEnded(stream.final, run), [...written, ...last])
      for (const event of last) run.push(event)
      run.end()
      await work.close()
    }
  }

  async #write(
    reply: FastifyReply,
    headers: Record<string, string>,
    events: (gone: AbortSignal) => AsyncIterable<RunEvent>,
  ): Promise<void> {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    reply.hijack()
    const body = new SseBody(reply.raw, headers, {
      ...this.#parts.options,
      heartbeat: () => keepAlive,
    })
    try {
      for await (const { written } of events(gone.signal)) await body.write({ written })
    } finally {
      body.end()
    }
  }
}

/** One that was cancelled did not fail. */
function asEnded(final: Json, run: BackgroundRun): Json {
  const isCancelled = run.isCancelled && final.status === 'failed'
  return isCancelled ? { ...final, status: 'cancelled', error: null } : final
}

/** The events of one that is over, or that another node makes: then once it is over. */
async function* ended(
  { book, owner, id, after }: Looked,
  gone: AbortSignal,
): AsyncGenerator<RunEvent> {
  while (!gone.aborted) {
    const { response, events } = await book.look(owner, id)
    for (const [sequence, written] of (events ?? []).entries()) {
      if (sequence > after) yield { sequence, written }
    }
    if (events || response.status !== 'in_progress') return
    await sleep(lookMs, undefined, { signal: gone }).catch(() => {})
  }
}
