import { describe, expect, it } from 'vitest'
import type { KeyLimits } from '../../src/access/policy.ts'
import { after, ask, failure, gate } from '../api/server/support.ts'
import { eventually } from '../faults/support.ts'
import { clientWith, withKeys } from '../keys/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { postgresPrograms } from '../support/postgres.ts'
import { type Nodes, startNodes, usePostgres } from './support.ts'

/** So many requests, dealt out to the nodes in turn, all at once; how each ended, and how many have so far. */
async function burst(nodes: Nodes, limits: KeyLimits, count: number) {
  const key = await withKeys(nodes.storage, (book) =>
    book.create({ name: 'busy', policy: { limits } }),
  )
  const clients = nodes.all.map((server) => clientWith(server, key.text))
  const ended: (string | null | undefined)[] = []
  const all = Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const client = clients[index % clients.length] ?? expect.fail()
      const code = await ask(client).then(
        () => 'answered',
        async (error: unknown) => (await failure(Promise.reject(error))).code,
      )
      ended.push(code)
    }),
  )
  return { clients, ended, all }
}

function times(codes: readonly unknown[], code: string): number {
  return codes.filter((one) => one === code).length
}

describe.skipIf(postgresPrograms === undefined)(
  'a limit of two nodes (needs the programs of Postgres)',
  { timeout: 90_000 },
  () => {
    const postgres = usePostgres()

    it('of requests a minute is one limit', async () => {
      await using nodes = await startNodes(postgres(), 2)
      nodes.anthropic.respond = () => says('Hi.')
      const began = performance.now()
      const { ended, all } = await burst(nodes, { requests_per_minute: 5 }, 40)
      await all
      const passed = performance.now() - began
      const answered = times(ended, 'answered')
      expect(answered).toBeGreaterThanOrEqual(5)
      // One more each time that a fifth of the minute is over.
      expect(answered).toBeLessThanOrEqual(5 + Math.floor(passed / 12_000))
      expect(times(ended, 'rate_limit_exceeded')).toBe(40 - answered)
      expect(nodes.anthropic.requests).toHaveLength(answered)
    })

    it('of turns at once is one limit, and each turn that ends lets another in on any node', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const { opened, open } = gate()
      nodes.anthropic.respond = () => after(opened, says('Hi.'))
      const { clients, ended, all } = await burst(nodes, { turns_at_once: 3 }, 20)
      await eventually('all others are refused', () => ended.length === 17)
      expect(times(ended, 'rate_limit_exceeded')).toBe(17)
      open()
      await all
      expect(times(ended, 'answered')).toBe(3)
      for (const client of clients) expect((await ask(client)).text).toBe('Hi.')
    })

    it('of dollars is one budget: what runs on one node is set aside on the other', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const { opened, open } = gate()
      nodes.anthropic.respond = () => after(opened, says('Hi.'))
      const limits = { usd_per_day: 3, usd_per_turn: 1 }
      const { clients, ended, all } = await burst(nodes, limits, 20)
      await eventually('all others are refused', () => ended.length === 17)
      expect(times(ended, 'insufficient_quota')).toBe(17)
      open()
      await all
      expect(times(ended, 'answered')).toBe(3)
      // What was set aside and not used is there again.
      for (const client of clients) expect((await ask(client)).text).toBe('Hi.')
    })
  },
)
