import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { ask, killAll, withResults } from './continued.ts'
import { cityTool, requestsDuring } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  writeFileSync(file(), 'The file’s own words.')
})
afterAll(() => server.close())

function file() {
  return join(server.workspace, 'a.txt')
}
function options(more: object = {}) {
  return {
    claude_options: { tools: ['Read'], working_dir: server.workspace, ...more },
  }
}
function reads(id: string) {
  return { id, name: 'Read', input: { file_path: file() } }
}
const calls = { id: 'toolu_f', name: 'get_weather', input: { city: 'Rome' } }

describe('built-in tools beside functions', () => {
  it.each([
    ['one after another', () => [callsTools([reads('toolu_r')]), callsTools([calls])]],
    ['in one message', () => [callsTools([reads('toolu_r'), calls])]],
    ['in one message, the other way round', () => [callsTools([calls, reads('toolu_r')])]],
  ])('run here, and the turn ends at the client’s: %s', async (_, steps) => {
    server.anthropic.enqueue(...steps(), says('Both are known.'))
    const first = await ask(server, options({ include_activity: true }))
    expect(first.message.tool_calls).toMatchObject([{ id: 'toolu_f' }])
    const messages = withResults(first.message)
    const { value, requests } = await requestsDuring(server, () =>
      ask(server, { messages, ...options({ include_activity: true }) }),
    )
    expect(value.message.content).toBe('Both are known.')
    expect(value.session).toBe(first.session)
    const seen = conversation(requests[0] ?? expect.fail())
    const results = seen.flatMap(({ content }) =>
      content.filter(({ type }) => type === 'tool_result'),
    )
    expect(new Set(results.map((block) => block['tool_use_id']))).toEqual(
      new Set(['toolu_f', 'toolu_r']),
    )
    expect(JSON.stringify(results)).toContain('The file’s own words.')
    expect(JSON.stringify(results)).toContain('sun toolu_f')
  })

  it('are forgotten where no process waits: the client’s own history is what counts', async () => {
    server.anthropic.enqueue(callsTools([reads('toolu_r'), calls]), says('Sunny.'))
    const first = await ask(server, options())
    await killAll(server)
    const messages = withResults(first.message)
    const { requests } = await requestsDuring(server, () => ask(server, { messages, ...options() }))
    expect(JSON.stringify(conversation(requests[0] ?? expect.fail()))).not.toContain('own words')
  })

  it('are found again by session_id where no process waits', async () => {
    server.anthropic.enqueue(callsTools([reads('toolu_r'), calls]), says('Both are known.'))
    const first = await ask(server, options())
    await killAll(server)
    const messages = withResults(first.message).slice(-2)
    const { value, requests } = await requestsDuring(server, () =>
      ask(server, { messages, ...options({ session_id: first.session }) }),
    )
    expect(value.message.content).toBe('Both are known.')
    const seen = conversation(requests[0] ?? expect.fail())
    expect(seen.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(seen[2]?.content.map((block) => block['tool_use_id'])).toEqual(['toolu_r', 'toolu_f'])
    expect(JSON.stringify(seen[2])).toContain('The file’s own words.')
    expect(JSON.stringify(seen[2])).toContain('sun toolu_f')
  })

  it('cannot have the name of one of them', async () => {
    const failure = ask(server, { tools: [cityTool('Read')], ...options() })
    await expect(failure).rejects.toMatchObject({ status: 400, param: 'tools[0]' })
    expect(readFileSync(file(), 'utf8')).toContain('own words')
  })
})
