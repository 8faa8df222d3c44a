import { writePath } from '../dialects/openai-chat/problem.ts'
import { TurnError } from '../turn/error.ts'

type Path = readonly PropertyKey[]

/**
 * The error with the field that it is about. The storage takes no NUL and knows no fields: what it refuses by `invalid_value` without one
 * is the first text of the request that has a NUL, in its address or in its body. Any other error is given back as it is.
 */
export function namingNul(
  error: TurnError,
  { params, query, body }: { params: unknown; query: unknown; body: unknown },
): TurnError {
  if (error.code !== 'invalid_value' || error.param !== undefined) return error
  const path = nulIn(params, []) ?? nulIn(query, []) ?? nulIn(body, [])
  if (!path) return error
  const param = writePath(path)
  const message = `${param} has a NUL character (U+0000), which cannot be stored; leave the character out.`
  return new TurnError(error.code, message, { param, cause: error })
}

/** Where the first text with a NUL is; bodies are not nested deeper than `deepestNesting`. */
function nulIn(value: unknown, path: Path): Path | undefined {
  if (typeof value === 'string') return value.includes('\0') ? path : undefined
  if (typeof value !== 'object' || value === null) return undefined
  const entries: [PropertyKey, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value)
  for (const [key, item] of entries) {
    if (typeof key === 'string' && key.includes('\0')) return path
    const found = nulIn(item, [...path, key])
    if (found) return found
  }
  return undefined
}
