import { once } from 'node:events'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asking, jsonLines } from './batches/support.ts'
import { callsTools, type RecordedRequest, says, type Step } from './scripted-anthropic/server.ts'
import { root } from './support/markdown.ts'
import {
  askedInJavaScript,
  askedInPython,
  canRun,
  run,
  samplesIn,
  wholeProgram,
  type Sample,
} from './support/samples.ts'
import { startTestServer, type TestServer } from './support/server.ts'

const javaScript = samplesIn('js')
const python = samplesIn('python')
const [commands, requests] = [true, false].map((ours) =>
  samplesIn('bash').filter(({ text }) => text.startsWith('npx claude-code-api') === ours),
) as [Sample[], Sample[]]
const json = samplesIn('json')
const hasPython = await canRun('python3', ['--version'])
const hasOpenAI = await canRun('python3', ['-c', 'import openai'])

/** A picture of one point. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** A machine such as the samples speak of: the server, the folders, an MCP server and a session. */
async function startScene() {
  // Stands for MCP servers: that they do not answer must not fail a request.
  const mcp = createServer((_request, response) => response.writeHead(404).end())
  mcp.listen(0, '127.0.0.1')
  await once(mcp, 'listening')
  const address = mcp.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const mcpUrl = `http://127.0.0.1:${port}/mcp`
  const server = await startTestServer({
    SANDBOX: 'off',
    ALLOW_PRIVATE_NETWORK: 'true',
    MCP_SERVERS: JSON.stringify({ github: { type: 'http', url: mcpUrl } }),
  })
  await furnish(server.workspace)
  server.anthropic.respond = obliging
  const first = await server.client.chat.completions.create({
    model: 'claude-code',
    messages: [{ role: 'user', content: 'Hello' }],
  })
  const { claude } = first as unknown as { claude: { session_id: string } }
  return {
    server,
    close: async () => {
      await server.close()
      mcp.close()
    },
    /** A sample, about this machine instead of the reader's. */
    localize: (text: string) =>
      text
        .replaceAll('http://127.0.0.1:8082', server.url)
        .replaceAll('/home/you', server.workspace)
        .replaceAll('https://mcp.example.com/mcp', mcpUrl)
        .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, claude.session_id),
  }
}

/** A model that calls what it is offered, once each, gives the form that it is asked for, and else says what it is. */
function obliging({ body: { tools = [], messages } }: RecordedRequest): Step {
  const own = tools.filter(({ name }) => ['get_weather', 'StructuredOutput'].includes(name))
  const last = JSON.stringify(messages.findLast(({ role }) => role === 'user'))
  if (own.length === 0 || last.includes('tool_result')) return says('I am scripted.')
  return callsTools(own.map(({ name, input_schema }) => ({ name, input: example(input_schema) })))
}

/** The simplest value that obeys the schema of a sample. */
function example(schema: unknown): unknown {
  const { type, properties = {} } = schema as { type: string; properties?: object }
  if (type !== 'object') return type === 'string' ? 'Rome' : 1
  return Object.fromEntries(Object.entries(properties).map(([key, of]) => [key, example(of)]))
}

/** What the samples name in `/home/you`, and what a program there needs. */
async function furnish(workspace: string): Promise<void> {
  const project = join(workspace, 'project')
  await mkdir(join(project, 'src'), { recursive: true })
  await mkdir(join(workspace, 'library'))
  await cp(join(root, 'README.md'), join(project, 'README.md'))
  await writeFile(join(project, 'src', 'index.ts'), 'export const answer = 42\n')
  await writeFile(join(project, 'diagram.png'), Buffer.from(pixel, 'base64'))
  await mkdir(join(project, 'docs'))
  await writeFile(join(project, 'docs', 'about.md'), '# About\n')
  await writeFile(join(project, 'lines.jsonl'), jsonLines([asking('a'), asking('b')]))
  await symlink(join(root, 'node_modules'), join(workspace, 'node_modules'))
  await mkdir(join(project, 'node_modules', '.bin'), { recursive: true })
  await symlink(
    join(root, 'dist', 'main.js'),
    join(project, 'node_modules', '.bin', 'claude-code-api'),
  )
}

let scene: Awaited<ReturnType<typeof startScene>>
let server: TestServer
beforeAll(async () => {
  scene = await startScene()
  server = scene.server
}, 60_000)
afterAll(() => scene.close())

/** Runs a program's file in the workspace, where it finds `openai`. */
async function runFile(command: string, name: string, program: string): Promise<string> {
  const file = join(server.workspace, name)
  await writeFile(file, scene.localize(program))
  return run(command, [file], { cwd: server.workspace })
}

describe('the samples', () => {
  it.each(commands)('$name ends well', async ({ text }) => {
    const settings = `DATA_DIR=${server.dataDir} PORT=${new URL(server.url).port}`
    // What is said beside the output counts too.
    const script = `set -e; exec 2>&1; export ${settings}; ${scene.localize(text)}`
    const cwd = join(server.workspace, 'project')
    expect(await run('bash', ['-c', script], { cwd })).not.toBe('')
  })

  it.each(requests)('$name answers', async ({ text }) => {
    const output = await run('bash', ['-c', scene.localize(text)])
    const answer: unknown = JSON.parse(output)
    expect(answer).toHaveProperty('object')
    expect(answer).not.toHaveProperty('error')
  })

  it.each(javaScript)('$name runs', async (sample) => {
    const before = server.anthropic.requests.length
    await runFile(process.execPath, 'sample.mjs', wholeProgram(sample))
    // A batch is answered in its own time.
    await expect
      .poll(() => server.anthropic.requests.length, { timeout: 20_000 })
      .toBeGreaterThan(before)
  })

  it.skipIf(!hasOpenAI).each(python)('$name runs', async (sample) => {
    const before = server.anthropic.requests.length
    await runFile('python3', 'sample.py', wholeProgram(sample))
    expect(server.anthropic.requests.length).toBeGreaterThan(before)
  })

  it.skipIf(!hasPython).each(python)('$name asks what its JavaScript twin asks', async (sample) => {
    const twin = javaScript.find((candidate) => isTwin(candidate, sample))
    expect(twin).toBeDefined()
    if (!twin) return
    expect(await askedInPython(wholeProgram(sample))).toEqual(
      await askedInJavaScript(wholeProgram(twin)),
    )
  })

  it.each(json)('$name is taken', async ({ text }) => {
    const value = JSON.parse(scene.localize(text)) as Record<string, unknown>
    const answer = await server.client.chat.completions.create({
      model: 'claude-code',
      messages: [{ role: 'user', content: 'Hello' }],
      ...('claude_options' in value ? value : { claude_options: value }),
    })
    expect(answer.choices[0]?.message.content).toContain('scripted')
  })
})

function isTwin(candidate: Sample, sample: Sample): boolean {
  return (
    candidate.page === sample.page &&
    candidate.heading === sample.heading &&
    candidate.text.includes('answer =')
  )
}
