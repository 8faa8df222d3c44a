const defaultSchema = 'claude_code_api'

/** What `DATABASE_URL` says: where Postgres is, and the schema of our tables in it (`?schema=`, `claude_code_api` when it says none). */
export function readAddress(url: string): { connectionString: string; schema: string } {
  const address = new URL(url)
  const schema = address.searchParams.get('schema') ?? defaultSchema
  address.searchParams.delete('schema')
  return { connectionString: address.href, schema }
}

/** The address without what is secret in it. */
export function shownAddress(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  return `${hostname}${port === '' ? '' : `:${port}`}${pathname}`
}
