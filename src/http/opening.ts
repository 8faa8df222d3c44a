import type { ChoiceEvent } from '../dialects/dialect.ts'

/** The events of an answer whose stream may now be opened; none of them is lost. */
export type OpenedEvents = AsyncIterable<ChoiceEvent>

/**
 * Waits until the first output is there, or until `patienceMs` is over: then the stream must be opened so that heartbeats can go out.
 * Up to here the HTTP status is open: a failure throws. Gives all events, those already read first.
 */
export async function awaitOpening(
  events: AsyncIterable<ChoiceEvent>,
  patienceMs: number,
): Promise<OpenedEvents> {
  const iterator = events[Symbol.asyncIterator]()
  const read: ChoiceEvent[] = []
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<'over'>((resolve) => {
    timer = setTimeout(() => resolve('over'), patienceMs)
  })
  try {
    for (;;) {
      const next = iterator.next()
      // When patience is over first, whoever reads on gets a failure of this step.
      next.catch(() => {})
      const step = await Promise.race([next, patience])
      if (step === 'over') return rest(read, next, iterator)
      if (step.done) return rest(read, undefined, iterator)
      read.push(step.value)
      if (isOutput(step.value)) return rest(read, undefined, iterator)
    }
  } finally {
    clearTimeout(timer)
  }
}

/** `start` says that output is there; the event after it shows which kind, which decides on headers. */
function isOutput({ event }: ChoiceEvent): boolean {
  return event.type !== 'notice' && event.type !== 'start'
}

/** Not a generator: every event of a stream passes here. */
function rest(
  read: readonly ChoiceEvent[],
  pending: Promise<IteratorResult<ChoiceEvent>> | undefined,
  iterator: AsyncIterator<ChoiceEvent>,
): OpenedEvents {
  let at = 0
  let first = pending
  const next = (): Promise<IteratorResult<ChoiceEvent>> => {
    const event = read[at]
    if (event) {
      at += 1
      return Promise.resolve({ done: false, value: event })
    }
    const step = first ?? iterator.next()
    first = undefined
    return step
  }
  return { [Symbol.asyncIterator]: () => ({ next }) }
}
