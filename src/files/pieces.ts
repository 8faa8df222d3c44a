/** The same bytes in pieces of one size, the last one shorter; `seen` hears the size of what arrives and may throw. */
export async function* inPieces(
  bytes: AsyncIterable<Uint8Array>,
  size: number,
  seen: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = []
  let length = 0
  for await (const some of bytes) {
    seen(some.length)
    waiting.push(some)
    length += some.length
    while (length >= size) {
      const all = Buffer.concat(waiting)
      yield all.subarray(0, size)
      waiting = [all.subarray(size)]
      length -= size
    }
  }
  if (length > 0) yield Buffer.concat(waiting)
}
