import { TurnError } from '../turn/error.ts'

/** A page of a list as OpenAI's API shows it. */
export function shownPage<Item extends { id: string }>(data: readonly Item[], hasMore: boolean) {
  return {
    object: 'list' as const,
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  }
}

/** `after` and `limit` of a query. Throws `invalid_value` for a limit that is no whole number from 1 to `most`. */
export function readPage(
  query: unknown,
  { usual, most }: { usual: number; most: number },
): { after?: string; limit: number } {
  const asked = new Map(Object.entries(Object(query) as Record<string, unknown>))
  const limit = Number(asked.get('limit') ?? usual)
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    throw new TurnError('invalid_value', `limit must be a whole number from 1 to ${most}.`, {
      param: 'limit',
    })
  }
  const after = asked.get('after')
  return { limit, ...(typeof after === 'string' && { after }) }
}
