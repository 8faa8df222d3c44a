import { describe, expect, it } from 'vitest'
import { ask } from '../api/server/support.ts'
import { eventually } from '../faults/support.ts'
import { fails } from '../scripted-anthropic/server.ts'
import { completion, startScriptedOpenAI } from '../scripted-openai/server.ts'
import { postgresPrograms } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { startNodes, usePostgres } from './support.ts'

type Provider = { name: string; state: string }

async function stateOf({ url }: TestServer, name: string): Promise<string | undefined> {
  const response = await fetch(`${url}/ready`)
  const { providers } = (await response.json()) as { providers: Provider[] }
  return providers.find((provider) => provider.name === name)?.state
}

describe.skipIf(postgresPrograms === undefined)(
  'providers of two nodes (needs the programs of Postgres)',
  { timeout: 60_000 },
  () => {
    const postgres = usePostgres()

    it('rest on both when one has seen them fail', async () => {
      await using fallback = await startScriptedOpenAI({
        type: 'plain',
        body: completion('From the fallback.'),
      })
      await using nodes = await startNodes(postgres(), 2, {
        FALLBACK_API_NAME_1: 'other',
        FALLBACK_API_URL_1: `${fallback.url}/v1`,
        BREAKER_FAILURES: '1',
        BREAKER_REST_SECONDS: '600',
      })
      const [one, other] = nodes.all
      if (one === undefined || other === undefined) return expect.fail('There are no two nodes.')
      nodes.anthropic.respond = () => fails(529, 'overloaded_error', 'Overloaded')
      expect((await ask(one.client)).headers.get('x-provider')).toBe('other')
      await eventually(
        'the other node knows it',
        async () => (await stateOf(other, 'claude-code')) === 'open',
      )
      const asked = nodes.anthropic.requests.length
      const { headers, text } = await ask(other.client)
      expect([headers.get('x-provider'), text]).toEqual(['other', 'From the fallback.'])
      expect(nodes.anthropic.requests).toHaveLength(asked)
    })
  },
)
