/** Response headers as undici gives them: names in lower case. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** A wait longer than this is cut: some vendors announce a day, and nobody should be shut out for so long on one answer. */
const longestWaitMs = 3_600_000

/**
 * The wait that an answer asks for, in milliseconds: `retry-after-ms`, or `Retry-After` in seconds, with a unit (`250ms`, `2s`) or
 * as a date. Undefined when there is none, or none that can be read; between 0 and an hour otherwise.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const wait =
    milliseconds(first(headers['retry-after-ms'])) ?? duration(first(headers['retry-after']), nowMs)
  return wait === undefined ? undefined : Math.min(Math.max(wait, 0), longestWaitMs)
}

function milliseconds(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}

function duration(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const [, amount, unit] = /^(-?\d+(?:\.\d+)?) *(ms|s)?$/.exec(text) ?? []
  if (amount !== undefined) return Math.ceil(Number(amount) * (unit === 'ms' ? 1 : 1000))
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : date - nowMs
}

function first(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.trim()
}
