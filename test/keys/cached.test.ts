import { expect, it } from 'vitest'
import type { KeyPolicy } from '../../src/access/policy.ts'
import { ask } from '../api/server/support.ts'
import { eventually } from '../faults/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { completion, startScriptedOpenAI } from '../scripted-openai/server.ts'
import { startTestServer } from '../support/server.ts'
import { clientWith, makeKey, withKeys } from './support.ts'

it(
  'a key is given no cached answer of a provider that it may not use, also of the time before',
  { timeout: 60_000 },
  async () => {
    await using other = await startScriptedOpenAI()
    other.answer({ type: 'plain', body: completion('From the other.') })
    await using server = await startTestServer({
      CACHE: 'exact',
      FALLBACK_API_NAME_1: 'other',
      FALLBACK_API_URL_1: other.url,
    })
    server.anthropic.respond = () => says('From Claude.')
    const { id, text } = await makeKey(server)
    const client = clientWith(server, text)
    const change = (policy: KeyPolicy): Promise<unknown> =>
      withKeys(server, (book) => book.change(id, { policy }))
    const answer = async (): Promise<string> => {
      const { text: said, headers } = await ask(client)
      return `${said} ${headers.get('x-cache')}`
    }
    expect([await answer(), await answer()]).toEqual(['From Claude. miss', 'From Claude. hit'])
    await change({ providers: ['other'] })
    await eventually('it holds', async () => (await answer()) === 'From the other. hit')
    await change({ providers: ['claude-code'] })
    await eventually('it holds', async () => (await answer()).startsWith('From Claude.'))
    await change({})
    await eventually('it holds', async () => (await answer()) === 'From Claude. hit')
    expect(other.received).toHaveLength(1)
  },
)
