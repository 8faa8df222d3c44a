import type { Item } from '../responses/items.ts'
import { readPage, shownPage } from './page.ts'

/** The page of a list of items that a query asks for (`after`, `limit`). Throws `invalid_value` for a limit that is none. */
export function pageOf(items: readonly Item[], query: unknown) {
  const { after, limit } = readPage(query, { usual: 20, most: 100 })
  const begin = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1
  const page = items.slice(begin, begin + limit) as { id: string }[]
  return shownPage(page, items.length > begin + limit)
}

/** OpenAI's lists of items begin with the newest, unless told otherwise. */
export function isAscending(query: unknown): boolean {
  return (Object(query) as { order?: unknown }).order === 'asc'
}
