import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { run } from '../support/samples.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { settingsOf } from './support.ts'

const program = fileURLToPath(
  new URL('../../node_modules/compatcanary/src/cli.js', import.meta.url),
)

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

/** What it asks for, in the names and forms that it gives. */
const wanted: Record<string, object> = {
  compatcanary_echo: { value: 'CANARY_OK' },
  StructuredOutput: { status: 'ok' },
}

describe('CompatCanary', () => {
  it('passes 7 of 7', async () => {
    server.anthropic.respond = ({ body: { tools = [] } }) => {
      const name = tools.map((tool) => tool.name).find((tool) => tool in wanted)
      return name === undefined ? says('CANARY_OK') : callsTools([{ name, input: wanted[name] }])
    }
    const [npx, name, ...args] = settingsOf('compatcanary.md', 'sh', server).split(' ')
    expect([npx, name]).toEqual(['npx', 'compatcanary'])
    const more = ['--fail-on', 'never', '--format', 'json']
    const report = await run(process.execPath, [program, ...args, ...more])
    const { results, ...rest } = JSON.parse(report) as { results: object[] }
    expect(results.filter((result) => !('status' in result && result.status === 'pass'))).toEqual(
      [],
    )
    expect(rest).toMatchObject({
      score: 100,
      compatible: true,
      summary: { passes: 7, warnings: 0, failures: 0, total: 7 },
    })
  }, 60_000)
})
