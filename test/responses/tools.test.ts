import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killAll } from '../functions/continued.ts'
import { requestsDuring } from '../functions/support.ts'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ SANDBOX: 'off' })
  writeFileSync(join(server.workspace, 'a.txt'), 'The file’s own words.')
})
afterAll(() => server.close())

const reads = (id: string) => ({
  id,
  name: 'Read',
  input: { file_path: join(server.workspace, 'a.txt') },
})

/** What the model was told of its calls, by their ids. */
function results(
  requests: Awaited<ReturnType<typeof requestsDuring>>['requests'],
): Record<string, string> {
  const told = conversation(requests.at(-1) ?? expect.fail()).flatMap(({ content }) => content)
  return Object.fromEntries(
    told
      .filter(({ type }) => type === 'tool_result')
      .map((block) => [String(block['tool_use_id']), JSON.stringify(block)]),
  )
}

describe('what is wrong with a tool or a schema', () => {
  const array = { type: 'array' }
  it.each([
    [
      'tools[0].parameters.type',
      { tools: [{ type: 'function', name: 'f', parameters: array, strict: false }] },
    ],
    [
      'tools[0].tools[0].parameters.type',
      {
        tools: [
          {
            type: 'namespace',
            name: 'n',
            description: 'N',
            tools: [{ type: 'function', name: 'f', parameters: array }],
          },
        ],
      },
    ],
    [
      'text.format.schema.type',
      { text: { format: { type: 'json_schema', name: 'a', schema: array } } },
    ],
  ])('is told of where it stands here: %s', async (param, body) => {
    for (const stream of [false, true]) {
      const asking = server.client.responses.create({
        model: 'sonnet',
        input: 'Hello',
        stream,
        ...(body as object),
      })
      await expect(asking).rejects.toMatchObject({
        status: 400,
        param,
        message: expect.stringContaining(`${param} must be "object"`),
      })
    }
  })
})

describe('thinking that its caller keeps', () => {
  it('goes back to the model where it stood, also to a process that has not thought it', async () => {
    const asked = {
      model: 'sonnet',
      store: false,
      include: ['reasoning.encrypted_content' as const],
    }
    server.anthropic.enqueue(
      says('Sunny.', { thinking: 'Look outside.', redacted: 'c2VhbGVk' }),
      says('Still.'),
    )
    const first = await server.client.responses.create({ ...asked, input: 'Weather?' })
    expect(first.output.map(({ type }) => type)).toEqual(['reasoning', 'reasoning', 'message'])
    await killAll(server)
    const { requests } = await requestsDuring(server, () =>
      server.client.responses.create({
        ...asked,
        input: [
          { role: 'user', content: 'Weather?' },
          ...(first.output as never[]),
          { role: 'user', content: 'Now?' },
        ],
      }),
    )
    const [, answer] = conversation(requests[0] ?? expect.fail())
    expect(answer?.content).toMatchObject([
      { type: 'thinking', thinking: 'Look outside.', signature: 'c2lnbmVk' },
      { type: 'redacted_thinking', data: 'c2VhbGVk' },
      { type: 'text', text: 'Sunny.' },
    ])
  })
})

describe('a shell', () => {
  it('of the caller is called by items of its own, and so is a patch', async () => {
    const tools = [{ type: 'shell' as const }, { type: 'apply_patch' as const }]
    const asked = { model: 'sonnet', tools, store: false, tool_choice: 'auto' as const }
    const patch = { type: 'update_file' as const, path: 'a.txt', diff: '@@\n-a\n+b' }
    server.anthropic.enqueue(
      callsTools([
        { id: 'toolu_1', name: 'shell', input: { commands: ['ls', 'pwd'] } },
        { id: 'toolu_2', name: 'apply_patch', input: patch },
      ]),
      says('Done.'),
    )
    const first = await server.client.responses.create({ ...asked, input: 'Do it.' })
    const [shell, edit] = first.output
    expect(shell).toMatchObject({
      type: 'shell_call',
      call_id: 'toolu_1',
      status: 'completed',
      action: { commands: ['ls', 'pwd'], timeout_ms: null },
      environment: { type: 'local' },
    })
    expect(edit).toMatchObject({ type: 'apply_patch_call', status: 'completed', operation: patch })
    const second = await requestsDuring(server, () =>
      server.client.responses.create({
        ...asked,
        input: [
          { role: 'user', content: 'Do it.' },
          ...(first.output as never[]),
          {
            type: 'shell_call_output',
            call_id: 'toolu_1',
            output: [
              { stdout: 'a.txt', stderr: '', outcome: { type: 'exit', exit_code: 0 } },
              { stdout: '', stderr: 'gone', outcome: { type: 'exit', exit_code: 3 } },
            ],
          },
          {
            type: 'apply_patch_call_output',
            call_id: 'toolu_2',
            status: 'failed',
            output: 'No such line.',
          },
        ],
      }),
    )
    expect(second.value.output_text).toBe('Done.')
    const told = results(second.requests)
    expect(told['toolu_1']).toContain('a.txt\\nExit code 0.\\nstderr:\\ngone\\nExit code 3.')
    expect(told['toolu_2']).toContain('No such line.')
    expect(told['toolu_2']).toContain('"is_error":true')
  })

  it('in a container is Bash of Claude Code here, and what it ran is told', async () => {
    const tools = [{ type: 'shell' as const, environment: { type: 'container_auto' as const } }]
    const use = { id: 'toolu_1', name: 'Bash', input: { command: 'echo it runs' } }
    server.anthropic.enqueue(callsTools([use]), says('It ran.'), says('As I said.'))
    const first = await server.client.responses.create({
      model: 'sonnet',
      tools,
      input: 'Run it.',
      store: false,
    })
    expect(first.output).toMatchObject([
      { type: 'shell_call', action: { commands: ['echo it runs'] }, environment: null },
      {
        type: 'shell_call_output',
        output: [{ stdout: 'it runs', outcome: { type: 'exit', exit_code: 0 } }],
      },
      { type: 'message' },
    ])
    const again = await requestsDuring(server, () =>
      server.client.responses.create({
        model: 'sonnet',
        store: false,
        input: [
          { role: 'user', content: 'Run it.' },
          ...(first.output as never[]),
          { role: 'user', content: 'And?' },
        ],
      }),
    )
    expect(conversation(again.requests[0] ?? expect.fail()).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
    ])
  })
})

describe('max_tool_calls', () => {
  it('bounds the calls of tools that run here, in each response anew', async () => {
    const weather = {
      type: 'function' as const,
      name: 'get_weather',
      parameters: {},
      strict: false,
    }
    const asked = {
      model: 'sonnet',
      max_tool_calls: 2,
      tools: [weather],
      claude_options: { tools: ['Read'], working_dir: server.workspace },
    }
    server.anthropic.enqueue(
      callsTools([reads('toolu_1'), reads('toolu_2'), reads('toolu_3')]),
      callsTools([{ id: 'toolu_4', name: 'get_weather', input: {} }]),
    )
    const first = await requestsDuring(server, () =>
      server.client.responses.create({ ...asked, input: 'Read it.' }),
    )
    expect(first.value).toMatchObject({ max_tool_calls: 2, output: [{ type: 'function_call' }] })
    const told = results(first.requests)
    const allowed = Object.keys(told).filter((id) => told[id]?.includes('own words'))
    expect(allowed).toHaveLength(2)
    const refused = Object.values(told).find((text) => !text.includes('own words'))
    expect(refused).toContain('may call tools 2 times at the most')

    server.anthropic.enqueue(callsTools([reads('toolu_5')]), says('Done.'))
    const second = await requestsDuring(server, () =>
      server.client.responses.create({
        ...asked,
        previous_response_id: first.value.id,
        input: [{ type: 'function_call_output', call_id: 'toolu_4', output: 'sunny' }],
      }),
    )
    expect(second.value.output_text).toBe('Done.')
    expect(results(second.requests)['toolu_5']).toContain('own words')
  })
})
