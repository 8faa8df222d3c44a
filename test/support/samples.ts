import { execFile } from 'node:child_process'
import { readPage, readProjectFile, type CodeBlock } from './markdown.ts'

/** A sample of a page, with the name under which a test reports it. */
export type Sample = CodeBlock & { page: string; name: string }

const pages = ['README.md', 'docs/claude-options.md', 'docs/functions.md']

/** Every sample in the languages, in the pages' order. */
export function samplesIn(...languages: string[]): Sample[] {
  return pages.flatMap((page) =>
    readPage(readProjectFile(page))
      .code.map((block, index) => ({
        ...block,
        page,
        name: `${page}, ${block.heading}, sample ${index + 1}`,
      }))
      .filter(({ language }) => languages.includes(language)),
  )
}

/** A sample as a whole program: what comes after the page's first uses the client that the first one made. */
export function wholeProgram(sample: Sample): string {
  if (makesClient(sample)) return sample.text
  const first = samplesIn(sample.language).find(
    (candidate) => candidate.page === sample.page && makesClient(candidate),
  )
  const [opening = ''] = first?.text.split(/^(?:const )?answer =/m) ?? []
  return opening + sample.text
}

function makesClient({ text }: Sample): boolean {
  return /^(import OpenAI|from openai)/.test(text)
}

/** What a sample asks for: how the client is made, and each call's arguments. */
export type Asked = { client: unknown; calls: unknown[] }

/** Runs a JavaScript sample with a client that only listens. */
export async function askedInJavaScript(program: string): Promise<Asked> {
  const body = program.replace(/^import OpenAI from 'openai'$/m, '')
  const script = `
    const asked = { calls: [] }
    const choice = { message: { content: '' }, delta: {} }
    class OpenAI {
      constructor(options) { asked.client = options }
      chat = { completions: { create: async (call) => {
        asked.calls.push(call)
        return Object.assign([], { choices: [choice], claude: { session_id: '' } })
      } } }
    }
    console.log = () => {}
    ${body}
    process.stdout.write(JSON.stringify(asked))`
  return JSON.parse(await run(process.execPath, ['--input-type=module', '-e', script])) as Asked
}

const pythonReader = `
import ast, json, sys
tree = ast.parse(sys.stdin.read())
calls = {ast.unparse(node.func): {k.arg: ast.literal_eval(k.value) for k in node.keywords}
         for node in ast.walk(tree) if isinstance(node, ast.Call) and node.keywords}
create = calls["client.chat.completions.create"]
create.update(create.pop("extra_body", {}))
client = calls["OpenAI"]
print(json.dumps({"client": {"baseURL": client["base_url"], "apiKey": client["api_key"]}, "calls": [create]}))
`

/** Reads a Python sample without running it; fails where it does not compile. */
export async function askedInPython(program: string): Promise<Asked> {
  return JSON.parse(await run('python3', ['-c', pythonReader], { input: program })) as Asked
}

/** Whether a program ends well. */
export async function canRun(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  )
}

/** What a program prints; rejects with what it says when it fails. */
export function run(
  command: string,
  args: string[],
  options: { cwd?: string; input?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { timeout: 60_000, ...(options.cwd !== undefined && { cwd: options.cwd }) },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${command}: ${error.message}\n${stdout}\n${stderr}`))
      },
    )
    child.stdin?.end(options.input ?? '')
  })
}
