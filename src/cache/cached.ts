import type { Backend, TurnContext } from '../turn/backend.ts'
import { begin } from '../turn/begun.ts'
import type { Notice, TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import { isEligible } from './eligible.ts'
import { Flight } from './flight.ts'
import { cacheKey } from './key.ts'
import { recordingOf, sizeOf, withoutRun } from './recording.ts'
import type { SavedAnswers } from './saved.ts'
import type { CacheStore, Entry } from './store.ts'

export type CacheOptions = {
  /** Whether turns that say nothing of it use the cache. */
  isDefault: boolean
  /** Owners that share their answers; everybody else's are their own. */
  sharedOwners: readonly string[]
}

/** Whose answers a caller may get. */
export function scopeOf(
  owner: string,
  { sharedOwners }: Pick<CacheOptions, 'sharedOwners'>,
): string {
  return sharedOwners.includes(owner) ? 'shared' : `owner ${owner}`
}

/**
 * A backend that gives an answer again when the same is asked by the same owner, and that lets those who ask at the same time share one
 * turn. Turns that are not eligible, and answers that must not be said again, pass by as if it were not there.
 */
export function cached(
  backend: Backend,
  store: CacheStore,
  options: CacheOptions,
  saved?: SavedAnswers,
): Backend {
  const flights = new Map<string, Flight>()

  function join(scope: string, key: string, turn: Turn, context: TurnContext): Flight {
    const flight = new Flight((cancellation) => backend.run(turn, { ...context, cancellation }), {
      largestBytes: store.largestEntry,
      sizeOf,
      onEnd: (events) => {
        if (flights.get(key) === flight) flights.delete(key)
        const recording = events && recordingOf(events)
        if (!recording) return
        store.put(scope, key, recording)
        saved?.keep(key)
      },
    })
    flights.set(key, flight)
    return flight
  }

  /** From memory, or from a turn that runs. */
  function atOnce(
    scope: string,
    key: string,
    context: TurnContext,
  ): AsyncIterable<TurnEvent> | undefined {
    const entry = store.get(key, context.cache?.maxAgeMs)
    if (entry) {
      store.count(scope, 'hits', entry.tokens)
      return replay(entry, context)
    }
    const running = flights.get(key)
    if (!running) return undefined
    store.count(scope, 'shared')
    return shared(running, key, context)
  }

  /** Nothing happens before the first pull. */
  async function* run(turn: Turn, context: TurnContext): AsyncGenerator<TurnEvent> {
    const scope = scopeOf(context.owner, options)
    const key = cacheKey(scope, turn, context.allowed?.providers)
    if (!context.cache?.noCache) {
      let found = atOnce(scope, key, context)
      if (!found && saved) {
        await saved.fetch(scope, key)
        // Somebody else may have begun meanwhile.
        found = atOnce(scope, key, context)
      }
      if (found) {
        yield* found
        return
      }
    }
    store.count(scope, 'misses')
    yield* join(scope, key, turn, context).read(
      context.cancellation,
      notice({ state: 'miss', key }),
    )
  }

  const uses = (turn: Turn, { cache }: TurnContext): boolean =>
    wantsCache(turn, options) && !cache?.noStore && isEligible(turn)
  return {
    name: backend.name,
    run: (turn, context) => (uses(turn, context) ? run(turn, context) : backend.run(turn, context)),
    begin: (turn, context) =>
      uses(turn, context)
        ? { events: [], rest: run(turn, context) }
        : begin(backend, turn, context),
  }
}

function wantsCache({ claude }: Turn, { isDefault }: CacheOptions): boolean {
  return claude.cache === undefined ? isDefault : claude.cache === 'exact'
}

function notice(told: Omit<Extract<Notice, { type: 'cache' }>, 'type'>): TurnEvent {
  return { type: 'notice', notice: { type: 'cache', ...told } }
}

async function* replay(
  { key, ageMs, tokens, events }: Entry & { ageMs: number },
  { requestId }: TurnContext,
): AsyncGenerator<TurnEvent> {
  yield notice({ state: 'hit', key, ageMs, savedTokens: tokens })
  for (const event of events) yield event.type === 'start' ? { ...event, id: requestId } : event
}

/** A turn that another caller's request began; its session and cost are that one's. */
async function* shared(
  flight: Flight,
  key: string,
  { cancellation, requestId }: TurnContext,
): AsyncGenerator<TurnEvent> {
  for await (const event of flight.read(cancellation, notice({ state: 'shared', key }))) {
    yield withoutRun(event.type === 'start' ? { ...event, id: requestId } : event)
  }
}
