import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultClaudeOptions } from '../../src/turn/claude-options.ts'
import { Stage, type StartOptions } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

const projectWords = 'Words of the CLAUDE.md of the project.'
const userWords = 'Words of the CLAUDE.md of the account.'

/** Settings whose hook leaves a file behind each time a session starts or a prompt is sent. */
function settings(proof: string): string {
  const hooks = [{ hooks: [{ type: 'command', command: `touch ${join(stage.folder, proof)}` }] }]
  return JSON.stringify({ hooks: { SessionStart: hooks, UserPromptSubmit: hooks } })
}

beforeAll(async () => {
  const project = join(stage.folder, '.claude')
  await mkdir(project)
  await writeFile(join(stage.folder, 'CLAUDE.md'), projectWords)
  await writeFile(join(project, 'settings.json'), settings('project-hook-ran'))
  await writeFile(join(stage.configDir, 'CLAUDE.md'), userWords)
  await writeFile(join(stage.configDir, 'settings.json'), settings('user-hook-ran'))
})

/** What the model was sent, and whether a file of the working folder is there. */
async function seen(start: StartOptions): Promise<string> {
  await using process = await stage.start(start)
  await process.turn('Hello')
  return JSON.stringify(stage.lastRequest.body)
}

function exists(name: string): Promise<boolean> {
  return access(join(stage.folder, name)).then(
    () => true,
    () => false,
  )
}

describe('settingSources []', () => {
  let body: string
  beforeAll(async () => {
    body = await seen({})
  })

  it('keeps the CLAUDE.md of the folder from the model', () => {
    expect(body).not.toContain(projectWords)
  })

  it('keeps the CLAUDE.md of the account from the model', () => {
    expect(body).not.toContain(userWords)
  })

  it('runs no hook of the folder', async () => {
    expect(await exists('project-hook-ran')).toBe(false)
  })

  it('runs no hook of the account', async () => {
    expect(await exists('user-hook-ran')).toBe(false)
  })
})

describe('settingSources [project]', () => {
  let body: string
  beforeAll(async () => {
    const claude = { ...defaultClaudeOptions, projectSettings: true }
    const managedSettings = { allowManagedHooksOnly: true }
    body = await seen({ turn: { claude }, decisions: { permissions: { managedSettings } } })
  })

  it('shows the model the CLAUDE.md of the folder, and not that of the account', () => {
    expect(body).toContain(projectWords)
    expect(body).not.toContain(userWords)
  })

  it('runs no hook of the folder with allowManagedHooksOnly, nor one of the account', async () => {
    expect(await exists('project-hook-ran')).toBe(false)
    expect(await exists('user-hook-ran')).toBe(false)
  })

  it('runs a hook of the folder without allowManagedHooksOnly, which is why it is set', async () => {
    await seen({ turn: { claude: { ...defaultClaudeOptions, projectSettings: true } } })
    expect(await exists('project-hook-ran')).toBe(true)
  })
})
