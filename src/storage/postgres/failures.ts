import { nulFailure, unavailable } from '../failures.ts'

/** Codes of the server, the network and the driver that are not about the query. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [
    /^(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|ENOENT|EACCES|08)/,
    'the Postgres of DATABASE_URL cannot be reached; look whether it runs and whether the address is right.',
  ],
  [/^57P0/, 'Postgres is starting or stopping; it is tried again by itself.'],
  [/^28/, 'Postgres refuses the user or the password of DATABASE_URL; correct it.'],
  [/^3D000$/, 'Postgres has no database of the name in DATABASE_URL; create it.'],
  [/^42501$/, 'the user of DATABASE_URL has not the rights that it needs; grant them.'],
  [/^53300$/, 'Postgres has no free connection; raise its max_connections.'],
  [/^53100$/, 'the disk of Postgres is full; free some space.'],
  [/^53/, 'Postgres has not enough resources; look at its log.'],
  [/^58/, 'the machine of Postgres failed to read or write; look at its log.'],
  [/^25006$/, 'this Postgres is read-only (a standby?); name the primary in DATABASE_URL.'],
  [/^57014$/, 'Postgres took too long for a query.'],
]

/** The driver's own errors have no code. */
const driverWords =
  /timeout exceeded when trying to connect|connection terminated|query read timeout|client has encountered a connection error|server does not support SSL|not queryable/i

/** `storage_unavailable` for what the server or the network did; everything else as it is. */
export function postgresFailure(error: unknown): unknown {
  const code = codeOf(error)
  if (code === '22021') return nulFailure(error)
  const known = code === undefined ? undefined : reasons.find(([pattern]) => pattern.test(code))
  if (known !== undefined) return unavailable(`${known[1]} (${code})`, error)
  if (error instanceof Error && driverWords.test(error.message))
    return unavailable(`the connection to Postgres failed (${error.message}).`, error)
  return error
}

/** Whether the transaction was given up for another one's sake and may simply be done again. */
export function isConflict(error: unknown): boolean {
  return ['40001', '40P01'].includes(codeOf(error) ?? '')
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}
