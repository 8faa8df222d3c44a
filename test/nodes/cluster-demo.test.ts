import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { openDemoPostgres } from '../../demo/cluster-postgres.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { build } from '../api/server/built-server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { root } from '../support/markdown.ts'
import { postgresPrograms, startTestPostgres } from '../support/postgres.ts'

async function demonstrate(
  settings: Record<string, string>,
): Promise<{ status: unknown; out: string }> {
  await build()
  const child = spawn(process.execPath, ['--import', 'tsx', 'demo/cluster.ts'], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [out, [status]] = await Promise.all([
    text(child.stdout),
    once(child, 'exit') as Promise<unknown[]>,
  ])
  return { status, out }
}

describe.skipIf(postgresPrograms === undefined)(
  'npm run cluster-demo (needs the programs of Postgres)',
  () => {
    it('loses nothing with a node, and says so', { timeout: 300_000 }, async () => {
      const { status, out } = await demonstrate({})
      expect(out).toContain('was killed (SIGKILL)')
      expect(out).toContain('48 completed, 0 failed')
      expect(out).toMatch(/The demonstration worked\.\n$/)
      expect(status).toBe(0)
    })

    it('uses a Postgres of DATABASE_URL, and leaves it as it was', async () => {
      await using postgres = await startTestPostgres()
      await using folder = await temporaryFolder()
      const databaseUrl = postgres.url('of-somebody-else')
      const demo = await openDemoPostgres(databaseUrl, false)
      const store = await openStore({ dataDir: folder.path, databaseUrl: demo.url })
      await store.close()
      expect(await schemasIn(databaseUrl)).toHaveLength(1)
      await demo[Symbol.asyncDispose]()
      expect(await schemasIn(databaseUrl)).toEqual([])
    })
  },
)

describe('npm run cluster-demo without a Postgres', () => {
  it('says what to install or to set', async () => {
    await expect(openDemoPostgres(undefined, false)).rejects.toThrow(/Install it .*DATABASE_URL=/)
  })

  it('fails where the one of DATABASE_URL cannot be reached', { timeout: 60_000 }, async () => {
    const { status, out } = await demonstrate({ DATABASE_URL: 'postgres://nobody@127.0.0.1:9/no' })
    expect(out).toContain(
      'failed: the Postgres of DATABASE_URL cannot be used: connect ECONNREFUSED',
    )
    expect(status).toBe(1)
  })
})

async function schemasIn(databaseUrl: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: databaseUrl.replace(/\?.*/, '') })
  await client.connect()
  try {
    const query = "select nspname from pg_namespace where nspname like 'claude_code_api%'"
    return (await client.query(query)).rows
  } finally {
    await client.end()
  }
}
