import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { detectSandbox } from '../../../src/engine/sandbox.ts'
import { offered, stage } from './support.ts'

const shared = stage({ SANDBOX: 'off' })

/** The working folder, and one beside it in the same workspace. */
let folder: string
let beside: string
beforeAll(async () => {
  folder = join(shared.server.workspace, 'project')
  beside = join(shared.server.workspace, 'beside')
  await mkdir(folder)
  await mkdir(beside)
  await writeFile(join(folder, 'notes.txt'), 'words of the notes')
  await writeFile(join(beside, 'secret.txt'), 'words from beside')
  await symlink(beside, join(folder, 'link'))
})

const write = (path: string, content = 'made by a tool') => ({
  name: 'Write',
  input: { file_path: path, content },
})
const read = (path: string) => ({ name: 'Read', input: { file_path: path } })
const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'a test' } })

const refusal = /refused by this server/

describe('tools', () => {
  it.each([
    ['absent', {}],
    ['empty', { tools: [] }],
    ['null', { tools: null }],
  ])('are none for the model when the option is %s', async (_, options) => {
    await shared.ask(options)
    expect(shared.requests).toHaveLength(1)
    expect(shared.request.body.tools).toEqual([])
  })

  it('never run when the option is absent, whatever the model asks for', async () => {
    const path = join(folder, 'unasked.txt')
    const [told] = await shared.use([write(path)], { working_dir: folder })
    expect(told?.isError).toBe(true)
    expect(existsSync(path)).toBe(false)
  })

  it('are those that are listed and no others', async () => {
    await shared.ask({ tools: ['Read', 'Write', 'Bash(git *)'], working_dir: folder })
    expect(offered(shared.request).sort()).toEqual(['Bash', 'Read', 'Write'])
  })

  it('write a file without asking', async () => {
    const path = join(folder, 'made.txt')
    const [told] = await shared.use([write(path)], { tools: ['Write'], working_dir: folder })
    expect(told?.isError).toBe(false)
    expect(await readFile(path, 'utf8')).toBe('made by a tool')
  })

  it('read a file without asking', async () => {
    const options = { tools: ['Read'], working_dir: folder }
    const [told] = await shared.use([read(join(folder, 'notes.txt'))], options)
    expect(told).toMatchObject({
      isError: false,
      text: expect.stringContaining('words of the notes'),
    })
  })

  it('run a command that a rule covers, in the working folder', async () => {
    const options = { tools: ['Bash(cat *)'], working_dir: folder }
    const [told] = await shared.use([bash('cat notes.txt')], options)
    expect(told).toMatchObject({
      isError: false,
      text: expect.stringContaining('words of the notes'),
    })
  })

  it('do not run a command that no rule covers', async () => {
    const options = { tools: ['Bash(cat *)'], working_dir: folder }
    const uses = [bash('touch uncovered.txt'), bash('cat notes.txt && touch uncovered.txt')]
    const told = await shared.use(uses, options)
    expect(told).toEqual(uses.map(() => ({ isError: true, text: expect.stringMatching(refusal) })))
    expect(existsSync(join(folder, 'uncovered.txt'))).toBe(false)
  })

  it('do not run when they are not listed', async () => {
    const path = join(folder, 'unlisted.txt')
    const [told] = await shared.use([write(path)], { tools: ['Read'], working_dir: folder })
    expect(told?.isError).toBe(true)
    expect(existsSync(path)).toBe(false)
  })

  it('do not read outside the working folder, and the model is told so', async () => {
    const paths = [join(beside, 'secret.txt'), join(folder, 'link', 'secret.txt'), '/etc/hostname']
    const told = await shared.use(paths.map(read), { tools: ['Read'], working_dir: folder })
    expect(told).toEqual(
      paths.map(() => ({ isError: true, text: expect.stringMatching(/outside the folders/) })),
    )
    expect(JSON.stringify(shared.request.body)).not.toContain('words from beside')
  })

  it('do not write outside the working folder', async () => {
    const paths = [
      join(beside, 'made.txt'),
      join(folder, 'link', 'made.txt'),
      `${folder}/../made.txt`,
    ]
    const told = await shared.use(
      paths.map((path) => write(path)),
      { tools: ['Write'], working_dir: folder },
    )
    expect(told.map(({ isError }) => isError)).toEqual([true, true, true])
    expect(paths.filter((path) => existsSync(path))).toEqual([])
  })

  it("work in the caller's private folder when no working folder is named", async () => {
    const path = join(shared.server.dataDir, 'workspaces', 'anonymous', 'private.txt')
    const others = join(shared.server.dataDir, 'workspaces', 'another', 'made.txt')
    const told = await shared.use([write(path), write(others)], { tools: ['Write'] })
    expect(told.map(({ isError }) => isError)).toEqual([false, true])
    expect(await readFile(path, 'utf8')).toBe('made by a tool')
    expect(existsSync(others)).toBe(false)
  })

  it.each([
    ['Nothing', /Nothing/],
    ['Bash(', /Bash\(/],
    ['AskUserQuestion', /AskUserQuestion/],
  ])('refuse %s, which is no tool for requests, with a 400', async (name, message) => {
    const answer = await shared.refused({ tools: ['Read', name], working_dir: folder })
    expect(answer).toMatchObject({ status: 400, param: 'claude_options.tools[1]' })
    expect(answer.message).toMatch(message)
    expect(shared.requests).toEqual([])
  })
})

describe('disallowed_tools', () => {
  it('removes a tool that `tools` lists', async () => {
    const path = join(folder, 'disallowed.txt')
    const [told] = await shared.use([write(path)], {
      tools: ['Read', 'Write'],
      disallowed_tools: ['Write'],
      working_dir: folder,
    })
    expect(offered(shared.request)).toEqual(['Read'])
    expect(told?.isError).toBe(true)
    expect(existsSync(path)).toBe(false)
  })

  it('refuses what a rule says while the tool stays', async () => {
    const told = await shared.use(
      [bash('touch kept.txt'), bash('rm kept.txt'), bash('true; rm kept.txt')],
      {
        tools: ['Bash'],
        disallowed_tools: ['Bash(rm *)'],
        working_dir: folder,
      },
    )
    expect(told.map(({ isError }) => isError)).toEqual([false, true, true])
    expect(existsSync(join(folder, 'kept.txt'))).toBe(true)
  })

  it('wins over auto_allow_permissions', async () => {
    const path = join(folder, 'wins.txt')
    const [told] = await shared.use([write(path)], {
      auto_allow_permissions: true,
      disallowed_tools: ['Write'],
      working_dir: folder,
    })
    expect(offered(shared.request)).toContain('Read')
    expect(offered(shared.request)).not.toContain('Write')
    expect(told?.isError).toBe(true)
    expect(existsSync(path)).toBe(false)
  })
})

describe('auto_allow_permissions', () => {
  it('turns the default tools on when `tools` is absent', async () => {
    await shared.ask({ auto_allow_permissions: true, working_dir: folder })
    expect(offered(shared.request)).toEqual(
      expect.arrayContaining(['Agent', 'Bash', 'Edit', 'Read', 'Write', 'WebFetch']),
    )
  })

  it('leaves it at the tools that are listed', async () => {
    await shared.ask({ auto_allow_permissions: true, tools: ['Read'], working_dir: folder })
    expect(offered(shared.request)).toEqual(['Read'])
  })

  it('is off when it is false', async () => {
    await shared.ask({ auto_allow_permissions: false, working_dir: folder })
    expect(offered(shared.request)).toEqual([])
  })

  // As root, which Claude Code's own way to skip permissions refuses, this is the proof for root.
  it('runs every tool use without asking, as whoever runs the server', async () => {
    const path = join(folder, 'automatic.txt')
    const options = { auto_allow_permissions: true, working_dir: folder }
    const told = await shared.use(
      [write(path), bash('cat automatic.txt && touch also.txt')],
      options,
    )
    expect(told.map(({ isError }) => isError)).toEqual([false, false])
    expect(await readFile(path, 'utf8')).toBe('made by a tool')
    expect(existsSync(join(folder, 'also.txt'))).toBe(true)
  })

  it('does not open what the workspace policy closes', async () => {
    const options = { auto_allow_permissions: true, working_dir: folder }
    const [told] = await shared.use([read(join(beside, 'secret.txt'))], options)
    expect(told).toMatchObject({ isError: true, text: expect.stringMatching(refusal) })
  })
})

describe.runIf((await detectSandbox()) === 'available')('commands in the sandbox', () => {
  const sandboxed = stage({ SANDBOX: 'required', WAITING_PROCESSES: '0' })

  it('work in the working folder and nowhere else, without a network', async () => {
    const { workspace, configDir } = sandboxed.server
    await mkdir(join(workspace, 'project'))
    await mkdir(join(workspace, 'beside'))
    await writeFile(join(workspace, 'beside', 'secret.txt'), 'words from beside')
    await writeFile(join(configDir, 'login.txt'), 'words of a login')
    const told = await sandboxed.use(
      [
        bash('pwd && touch made.txt'),
        bash(`touch ${workspace}/beside/made.txt`),
        bash(`cat ${workspace}/beside/secret.txt`),
        bash(`cat ${configDir}/login.txt`),
        bash('echo key=$ANTHROPIC_API_KEY'),
        bash(`exec 3<>/dev/tcp/127.0.0.1/${new URL(sandboxed.server.url).port}`),
      ],
      { tools: ['Bash'], working_dir: join(workspace, 'project') },
    )
    expect(told.map(({ isError }) => isError)).toEqual([false, true, true, true, false, true])
    expect(told[0]?.text).toContain(join(workspace, 'project'))
    expect(told[4]?.text).toBe('key=')
    expect(existsSync(join(workspace, 'project', 'made.txt'))).toBe(true)
    expect(existsSync(join(workspace, 'beside', 'made.txt'))).toBe(false)
    expect(JSON.stringify(told)).not.toMatch(/words from beside|words of a login/)
  })
})

describe('what the owner allows', () => {
  const strict = stage({
    ALLOW_AUTO_PERMISSIONS: 'false',
    ALLOWED_TOOLS: 'Read',
    WAITING_PROCESSES: '0',
  })

  it('refuses auto_allow_permissions with ALLOW_AUTO_PERMISSIONS=false', async () => {
    const answer = await strict.refused({ auto_allow_permissions: true })
    expect(answer).toMatchObject({
      status: 403,
      code: 'forbidden',
      param: 'claude_options.auto_allow_permissions',
      message: expect.stringContaining('ALLOW_AUTO_PERMISSIONS'),
    })
    expect(strict.requests).toEqual([])
  })

  it('refuses tools that ALLOWED_TOOLS does not name, and takes the others', async () => {
    const answer = await strict.refused({ tools: ['Read', 'Write'] })
    expect(answer).toMatchObject({
      status: 403,
      param: 'claude_options.tools[1]',
      message: expect.stringContaining('ALLOWED_TOOLS'),
    })
    await strict.ask({ tools: ['Read'] })
    expect(offered(strict.request)).toEqual(['Read'])
  })
})
