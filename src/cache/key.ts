import { createHash } from 'node:crypto'
import type { Turn } from '../turn/turn.ts'

/** What of a request does not change the answer, only how it is delivered or kept. */
const delivery = new Set(['stream', 'stream_options', 'n', 'user', 'metadata', 'safety_identifier'])
const optionsOfCache = new Set(['cache', 'include_activity', 'allow_degraded'])

/**
 * The key of a turn in a scope: a digest of everything that the caller sent and that may decide the answer, fields that nobody here
 * knows included. The order of keys does not matter, that of lists does. `providers`: who alone may answer the caller, where not everybody may:
 * theirs is another answer, and neither is given for the other.
 */
export function cacheKey(
  scope: string,
  { source }: Pick<Turn, 'source'>,
  providers?: readonly string[],
): string {
  const { claude_options: options, ...body } = source.body
  const only = providers ? `\n${JSON.stringify([...new Set(providers)].toSorted())}` : ''
  const text = `${scope}\n${source.dialect}\n${canonical(body, delivery)}\n${canonical(options ?? {}, optionsOfCache)}${only}`
  return createHash('sha256').update(text).digest('base64url')
}

/** JSON with the keys of objects in order, null and absent alike, and at the top without some of them. */
function canonical(value: unknown, without?: ReadonlySet<string>): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item)).join(',')}]`
  let text = '{'
  for (const name of Object.keys(value).sort()) {
    const field: unknown = (value as Record<string, unknown>)[name]
    if (field === undefined || field === null || without?.has(name)) continue
    text += `${JSON.stringify(name)}:${canonical(field)},`
  }
  return `${text}}`
}
