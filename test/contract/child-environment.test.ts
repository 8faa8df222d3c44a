import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { detectSandbox } from '../../src/engine/sandbox.ts'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { Stage } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

/** What must not reach a tool: the server's own secrets, and whatever else its environment happens to have. */
const secrets = {
  API_KEY: 'secret-of-the-callers',
  FALLBACK_API_KEY_1: 'secret-of-a-fallback',
  DATABASE_URL: 'secret-of-the-database',
  GITHUB_TOKEN: 'secret-of-the-machine',
}

/** What `env` says in a command that the Bash tool runs. */
async function listed(source: Record<string, string>, scrub?: string): Promise<string> {
  await using process = await stage.start({
    decisions: { environment: stage.environment(source) },
    environment: { CLAUDE_CODE_SUBPROCESS_ENV_SCRUB: scrub },
    options: {
      tools: ['Bash'],
      canUseTool: async (_, input) => ({ behavior: 'allow', updatedInput: input }),
    },
  })
  const input = { command: 'env', description: 'Lists the environment' }
  stage.anthropic.enqueue(callsTools([{ name: 'Bash', input }]), says('Done.'))
  await process.turn('List it')
  const results = stage.lastRequest.body.messages.flatMap(({ content }) =>
    typeof content === 'string' ? [] : content.filter(({ type }) => type === 'tool_result'),
  )
  expect(results).toHaveLength(1)
  return String(results[0]?.['content'])
}

function namesIn(environment: string): string[] {
  return environment.split('\n').map((line) => line.slice(0, line.indexOf('=')))
}

const bubblewrap = process.platform === 'linux' && (await detectSandbox()) === 'available'

describe('the environment of a command that a tool runs', () => {
  let environment: string
  let names: string[]

  beforeAll(async () => {
    environment = await listed({ ...secrets, LANG: 'C.UTF-8' })
    names = namesIn(environment)
  })

  it('is the allow-list of childEnvironment', () => {
    expect(environment).toContain('LANG=C.UTF-8')
    expect(names).toEqual(expect.arrayContaining(['PATH', 'HOME', 'CLAUDE_CONFIG_DIR']))
  })

  it('has no secret of the server and nothing else that was not let pass', () => {
    expect(environment).not.toContain('secret-of')
    for (const name of Object.keys(secrets)) expect(names).not.toContain(name)
  })

  it('has nothing of the test runner, whose environment the SDK would pass on without `env`', () => {
    expect(names.filter((name) => name.startsWith('VITEST'))).toEqual([])
  })

  it('has the key of the account, which every tool can therefore read', () => {
    expect(names).toContain('ANTHROPIC_API_KEY')
  })

  it.skipIf(!bubblewrap)(
    'has no key of the account with CLAUDE_CODE_SUBPROCESS_ENV_SCRUB, which needs bubblewrap',
    async () => {
      const scrubbed = await listed({ AWS_SECRET_ACCESS_KEY: 'secret-of-the-cloud' }, '1')
      expect(namesIn(scrubbed)).toContain('PATH')
      expect(scrubbed).not.toContain('secret-of')
      expect(namesIn(scrubbed)).not.toContain('ANTHROPIC_API_KEY')
    },
  )
})
