import type { TurnEvent } from '../../turn/event.ts'
import type { ChoiceEvent } from '../dialect.ts'
import type { SseFrame } from '../sse.ts'

/** Makes the chunks of one streamed answer; it is told each event once, in order. */
export interface ChunkEncoder {
  push(choice: number, event: TurnEvent): readonly object[]
  /** What comes after the last event. */
  end(): readonly object[]
  /** The frames of an event where they are written already; they go out in place of its chunks. */
  written?(event: TurnEvent): string | undefined
}

/** The answer as chunks, then `[DONE]`. Throws what the events throw. */
export async function* encodeChunks(
  events: AsyncIterable<ChoiceEvent>,
  encoder: ChunkEncoder,
): AsyncGenerator<SseFrame> {
  for await (const { choice, event } of events) {
    const chunks = encoder.push(choice, event)
    const written = encoder.written?.(event)
    if (written === undefined) for (const chunk of chunks) yield frame(chunk)
    else yield { written }
  }
  for (const chunk of encoder.end()) yield frame(chunk)
  yield { data: '[DONE]' }
}

/** Whether the caller wants the usage as the last chunk of a stream. */
export function includesUsage({
  stream_options: options,
}: Readonly<Record<string, unknown>>): boolean {
  return (
    typeof options === 'object' &&
    options !== null &&
    'include_usage' in options &&
    options.include_usage === true
  )
}

function frame(chunk: object): SseFrame {
  return { data: JSON.stringify(chunk) }
}
