import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rounds } from '../frameworks/rounds.ts'
import { requestsDuring } from '../functions/support.ts'
import { fails, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientAt, clientFolder, runClient, settingsOf } from './support.ts'

/** npm's `promptfoo`, which wants Node 22.22 or later. */
const client = clientAt('PROMPTFOO_COMMAND', 'promptfoo')

const offline = {
  PROMPTFOO_DISABLE_TELEMETRY: '1',
  PROMPTFOO_DISABLE_UPDATE: '1',
  PROMPTFOO_DISABLE_REMOTE_GENERATION: '1',
  PROMPTFOO_DISABLE_SHARING: '1',
}

type Result = {
  provider: { id: string }
  success: boolean
  error?: string
  response?: { output?: unknown; tokenUsage?: { total?: number } }
}

describe.skipIf(!client.installed)('promptfoo (needs to be installed)', () => {
  let server: TestServer
  let folder: Awaited<ReturnType<typeof clientFolder>>
  beforeAll(async () => {
    server = await startTestServer()
    folder = await clientFolder()
    const settings = settingsOf('promptfoo.md', 'yaml', server)
    await writeFile(join(folder.work, 'promptfooconfig.yaml'), settings)
  })
  afterAll(async () => {
    await server.close()
    await folder[Symbol.asyncDispose]()
  })

  /** What it found, by its provider. It ends with 100 when a test of its own fails. */
  async function evaluate(): Promise<Map<string, Result>> {
    const file = join(folder.work, 'results.json')
    const args = ['eval', '--no-cache', '--no-progress-bar', '--no-share', '-j', '2', '-o', file]
    const environment = { ...offline, PROMPTFOO_CONFIG_DIR: folder.home }
    await runClient(client, args, folder, environment).catch((error: { code?: number }) =>
      expect(error, JSON.stringify(error)).toMatchObject({ code: 100 }),
    )
    const { results } = JSON.parse(await readFile(file, 'utf8')) as {
      results: { results: Result[] }
    }
    return new Map(results.results.map((result) => [result.provider.id, result]))
  }

  const providers = [
    'openai:chat:sonnet',
    'openai:responses:sonnet',
    'openai:completion:sonnet',
    'anthropic:messages:sonnet',
  ]

  it('is answered over four endpoints', async () => {
    server.anthropic.respond = () => says('The sea is wide.')
    const { value: results, requests } = await requestsDuring(server, evaluate)
    expect([...results.keys()].sort()).toEqual(providers.toSorted())
    for (const result of results.values()) {
      expect(result).toMatchObject({ success: true, response: { output: 'The sea is wide.' } })
      expect(result.response?.tokenUsage?.total).toBe(17)
    }
    expect(requests.map(rounds)).toEqual(providers.map(() => ['user: One line about the sea']))
  }, 120_000)

  it('tells a failure from an answer', async () => {
    server.anthropic.respond = () => fails(400, 'invalid_request_error', 'Not like this.')
    const results = await evaluate()
    expect(results.size).toBe(4)
    for (const result of results.values()) {
      expect(result.success).toBe(false)
      expect(result.error).toContain('Not like this.')
    }
  }, 120_000)
})
