import { existsSync } from 'node:fs'
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RecordedRequest } from '../../scripted-anthropic/server.ts'
import { temporaryFolder, type TemporaryFolder } from '../../support/claude.ts'
import { stage } from './support.ts'

const shared = stage()

let root: string
beforeAll(async () => {
  root = shared.server.workspace
  await mkdir(join(root, 'project', 'deep'), { recursive: true })
  await mkdir(join(root, 'library'))
  await writeFile(join(root, 'file.txt'), 'a file')
  await writeFile(join(root, 'library', 'book.txt'), 'words of the book')
  await symlink('/etc', join(root, 'way-out'))
  await symlink(join(root, 'project'), join(root, 'way-in'))
})

/** The working folder as Claude Code tells it to the model. */
function folderOf({ body }: RecordedRequest): string | undefined {
  return /Primary working directory: ([^\\\n"]+)/.exec(JSON.stringify(body))?.[1]
}

const read = (path: string) => ({ name: 'Read', input: { file_path: path } })

const book = () => read(join(root, 'library', 'book.txt'))
/** All that the model was asked last. */
const asked = () => JSON.stringify(shared.request.body)

describe('working_dir', () => {
  it.each([
    ['an absolute path', () => join(root, 'project'), 'project'],
    ['a relative path, from the first root', () => 'project/deep', 'project/deep'],
    ['a path with .. that stays inside', () => 'project/deep/..', 'project'],
    ['a link that stays inside', () => join(root, 'way-in'), 'project'],
    ['the root itself', () => root, '.'],
  ])('is where Claude works: %s', async (_, path, folder) => {
    await shared.ask({ working_dir: path() })
    expect(folderOf(shared.request)).toBe(join(root, folder))
  })

  it.each([
    ['an absolute path', '/etc'],
    ['a path that does not exist', '/no/such/folder'],
    ['a path with ..', 'project/../../..'],
    ['a link that leads out', 'way-out'],
    ['a path through a link that leads out', 'way-out/ssl'],
  ])('outside the roots is a 403 that names the setting: %s', async (_, working_dir) => {
    expect(await shared.refused({ working_dir })).toMatchObject({
      status: 403,
      code: 'forbidden',
      param: 'claude_options.working_dir',
      message: expect.stringContaining('WORKSPACE_ROOTS'),
    })
    expect(shared.requests).toEqual([])
  })

  it.each([
    ['is not a folder', 'file.txt', /is not a folder/],
    ['does not exist', 'missing', /does not exist/],
  ])('that %s is a 400', async (_, working_dir, message) => {
    expect(await shared.refused({ working_dir })).toMatchObject({
      status: 400,
      code: 'invalid_value',
      param: 'claude_options.working_dir',
      message: expect.stringMatching(message),
    })
  })

  it("is the caller's private folder when it is absent", async () => {
    await shared.ask({})
    expect(folderOf(shared.request)).toBe(
      await realpath(join(shared.server.dataDir, 'workspaces', 'anonymous')),
    )
  })
})

describe('add_dirs', () => {
  it('opens a folder to the tools, which is shut without it', async () => {
    const options = { tools: ['Read'], working_dir: 'project' }
    const [shut] = await shared.use([book()], options)
    expect(shut).toMatchObject({ isError: true })
    const [open] = await shared.use([book()], { ...options, add_dirs: ['library'] })
    expect(open).toMatchObject({
      isError: false,
      text: expect.stringContaining('words of the book'),
    })
  })

  it.each([
    ['/etc', 403, /WORKSPACE_ROOTS/],
    ['way-out', 403, /WORKSPACE_ROOTS/],
    ['missing', 400, /does not exist/],
    ['file.txt', 400, /is not a folder/],
  ])('refuses %s with a %d', async (path, status, message) => {
    const options = { tools: ['Read'], working_dir: 'project', add_dirs: ['library', path] }
    expect(await shared.refused(options)).toMatchObject({
      status,
      param: 'claude_options.add_dirs[1]',
      message: expect.stringMatching(message),
    })
  })
})

describe('project_settings', () => {
  const rule = 'Every answer ends with the word heron.'
  const machineRule = 'Every answer ends with the word otter.'

  beforeAll(async () => {
    const hook = [{ hooks: [{ type: 'command', command: `touch ${join(root, 'hook-ran')}` }] }]
    const hooks = { SessionStart: hook, UserPromptSubmit: hook, PreToolUse: hook, Stop: hook }
    await mkdir(join(root, 'configured', '.claude'), { recursive: true })
    await writeFile(join(root, 'configured', 'CLAUDE.md'), rule)
    await writeFile(join(root, 'configured', '.claude', 'settings.json'), JSON.stringify({ hooks }))
    await writeFile(join(shared.server.configDir, 'CLAUDE.md'), machineRule)
    await writeFile(join(shared.server.configDir, 'settings.json'), JSON.stringify({ hooks }))
  })

  it.each([
    ['without tools', {}],
    ['with tools', { tools: ['Read'] }],
  ])("brings the project's CLAUDE.md to the model only when it is true, %s", async (_, options) => {
    const working_dir = 'configured'
    await shared.ask({ ...options, working_dir })
    expect(asked()).not.toContain(rule)
    await shared.ask({ ...options, working_dir, project_settings: false })
    expect(asked()).not.toContain(rule)
    await shared.ask({ ...options, working_dir, project_settings: true })
    expect(asked()).toContain(rule)
  })

  it("brings nothing of the machine's own settings, and runs no hooks", async () => {
    const options = { tools: ['Read'], working_dir: 'configured', project_settings: true }
    const [told] = await shared.use([read(join(root, 'configured', 'CLAUDE.md'))], options)
    expect(told).toMatchObject({ isError: false })
    expect(asked()).not.toContain(machineRule)
    expect(existsSync(join(root, 'hook-ran'))).toBe(false)
  })
})

describe('a home folder as the root', () => {
  let home: TemporaryFolder
  const owner = stage(async () => {
    home = await temporaryFolder()
    // `~` is the home folder of the account that runs the server, which is this process.
    vi.stubEnv('HOME', home.path)
    await mkdir(join(home.path, 'project'))
    await mkdir(join(home.path, '.claude'))
    await mkdir(join(home.path, '.ssh'))
    await writeFile(join(home.path, '.claude', 'credentials.json'), 'a login')
    await writeFile(join(home.path, '.ssh', 'id_rsa'), 'a private key')
    return {
      WORKSPACE_ROOTS: '~',
      DATA_DIR: '~/data',
      CLAUDE_CONFIG_DIR: join(home.path, '.claude'),
      WAITING_PROCESSES: '0',
    }
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await home[Symbol.asyncDispose]()
  })

  it.each([
    ['~', '.'],
    ['~/project', 'project'],
    ['project', 'project'],
  ])('is where %s leads', async (working_dir, folder) => {
    await owner.ask({ working_dir })
    expect(folderOf(owner.request)).toBe(join(await realpath(home.path), folder))
  })

  it.each(['~/.claude', '~/.ssh', '~/data', '~/data/workspaces/anonymous'])(
    'does not open %s as a working folder',
    async (working_dir) => {
      expect(await owner.refused({ working_dir })).toMatchObject({
        status: 403,
        param: 'claude_options.working_dir',
      })
    },
  )

  it.each([
    '~/.claude/credentials.json',
    '~/.ssh/id_rsa',
    '.ssh/id_rsa',
    '.*/*',
    '~/data/sessions.jsonl',
  ])('does not open %s as a file', async (file) => {
    const refusal = await owner.refused({ files: [file], working_dir: '~' })
    expect(refusal.status).toBeGreaterThanOrEqual(400)
    expect(refusal).toMatchObject({ param: 'claude_options.files[0]' })
    expect(JSON.stringify(owner.requests)).not.toMatch(/a login|a private key/)
  })

  it('does not open logins to tools', async () => {
    const paths = ['.claude/credentials.json', '.ssh/id_rsa', 'data/sessions.jsonl']
    const told = await owner.use(
      paths.map((path) => read(join(home.path, path))),
      { tools: ['Read'], working_dir: '~' },
    )
    expect(told.map(({ isError }) => isError)).toEqual([true, true, true])
    expect(JSON.stringify(owner.requests)).not.toMatch(/a login|a private key/)
  })
})
