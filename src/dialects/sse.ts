/** One server-sent event. `data` is one line (JSON has no raw line breaks); without `event` only the data line is written. */
export type SseFrame = { data: string; event?: string } | { comment: string } | WrittenFrames

/** Frames that are written already, each closed by its blank line. */
export type WrittenFrames = { written: string }

/** A frame as it goes over the wire: LF only, closed by a blank line (WHATWG HTML, server-sent events). */
export function writeFrame(frame: SseFrame): string {
  if ('written' in frame) return frame.written
  if ('comment' in frame) return `: ${frame.comment}\n\n`
  return frame.event === undefined
    ? `data: ${frame.data}\n\n`
    : `event: ${frame.event}\ndata: ${frame.data}\n\n`
}
