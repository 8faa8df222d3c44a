import type { ChoiceEvent, Dialect, EncodeContext } from '../../src/dialects/dialect.ts'
import { writeFrame } from '../../src/dialects/sse.ts'
import { TurnError } from '../../src/turn/error.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { each } from './turn-events.ts'
import { hexId } from './without-chance.ts'

/** A request whose answer has the same ids and times each time. */
export function contextOf(body: Readonly<Record<string, unknown>>): EncodeContext {
  const created = 1_700_000_000
  return {
    body,
    created,
    id: hexId,
    now: () => created + 2,
    requestId: `req_${hexId}`,
  }
}

/** The bytes of a stream in which each of the choices says the same, in turns; `error` ends it instead of what would come then. */
export async function encodedStream(
  dialect: Dialect,
  {
    body = {},
    choices = 1,
    events,
    error,
  }: {
    body?: Readonly<Record<string, unknown>>
    choices?: number
    events: readonly TurnEvent[]
    error?: TurnError
  },
): Promise<string> {
  const stream = dialect.openStream(contextOf(body))
  const told = events.flatMap((event) =>
    Array.from({ length: choices }, (_, choice): ChoiceEvent => ({ choice, event })),
  )
  let text = ''
  try {
    for await (const frame of stream.frames(failing(told, error))) text += writeFrame(frame)
  } catch (thrown) {
    if (!(thrown instanceof TurnError)) throw thrown
    text += stream.failure(thrown).map(writeFrame).join('')
  }
  return text
}

async function* failing<T>(items: readonly T[], error: TurnError | undefined): AsyncGenerator<T> {
  yield* each(items)
  if (error) throw error
}
