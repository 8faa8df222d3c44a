import type { DecodedRequest, Dialect } from '../dialects/dialect.ts'
import { TurnError } from '../turn/error.ts'

/**
 * Says what is wrong with a request by the fields that its caller wrote: whoever answers knows those of chat completions and of the turn only.
 * `blame` knows how the body was prepared.
 */
export function blamer(
  dialect: Pick<Dialect, 'ownFields'>,
  { blame }: { blame?: (thrown: unknown) => unknown },
  { fields = new Map() }: Pick<DecodedRequest, 'fields'>,
): (thrown: unknown) => unknown {
  return (thrown) => {
    const blamed = blame?.(thrown) ?? thrown
    if (!(blamed instanceof TurnError)) return blamed
    return blamed.inOtherWords((text) => {
      const own = dialect.ownFields?.(text) ?? text
      return [...fields].reduce((words, [inner, field]) => words.replaceAll(inner, field), own)
    })
  }
}
