import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ToolPlace } from '../../src/engine/permissions/plan.ts'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { bash, runTools, temporaryFolder, toolResults } from './run-tools.ts'

/** A workspace beside a folder that no request may reach. */
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let cwd: string
let outside: string
let place: ToolPlace
const everything = { tools: ['Read', 'Write', 'Edit', 'NotebookEdit', 'Glob', 'Grep', 'Agent'] }

beforeAll(async () => {
  folder = await temporaryFolder()
  cwd = join(folder.path, 'work')
  outside = join(folder.path, 'outside')
  const home = join(folder.path, 'home')
  for (const path of [join(cwd, 'sub'), join(cwd, 'kept'), join(cwd, '.git'), outside, home])
    await mkdir(path, { recursive: true })
  await writeFile(join(cwd, 'inside.txt'), 'INSIDE words')
  await writeFile(join(cwd, 'kept', 'key.txt'), 'KEPT words')
  await writeFile(join(outside, 'secret.txt'), 'SECRET words')
  await writeFile(
    join(outside, 'book.ipynb'),
    '{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}',
  )
  await symlink(outside, join(cwd, 'link'))
  await symlink(join(outside, 'not-yet.txt'), join(cwd, 'dangling'))
  place = { cwd, addDirs: [], roots: [folder.path], forbidden: [join(cwd, 'kept')], home }
})

afterAll(() => folder.remove())

/** The wall's own words, or Claude Code's where the plan's deny rule speaks first. */
const refused =
  /refused by this server|denied by your permission settings|covered by a Read deny rule/

const read = (file_path: string) => ({ name: 'Read', input: { file_path } })
const write = (file_path: string) => ({ name: 'Write', input: { file_path, content: 'x' } })

describe('file tools on the real claude', () => {
  it('read inside the working folder, and nowhere else by any spelling', async () => {
    const paths = [
      'inside.txt',
      join(cwd, 'inside.txt'),
      join(outside, 'secret.txt'),
      'link/secret.txt',
      '../outside/secret.txt',
      '/etc/passwd',
    ]
    const { results } = await runTools(paths.map(read), { place, claude: everything })
    expect(results[0]).toContain('INSIDE')
    expect(results[1]).toContain('INSIDE')
    for (const result of results.slice(2)) expect(result).toMatch(refused)
    expect(results.join()).not.toContain('SECRET')
  })

  it('do not write outside, through links, or into what other programs run', async () => {
    const uses = [
      write(join(cwd, 'new.txt')),
      write(join(outside, 'new.txt')),
      write('link/new.txt'),
      write('dangling'),
      write(join(cwd, '.git', 'hooks', 'post-commit')),
      write(join(cwd, '.claude', 'settings.json')),
      write(join(cwd, 'kept', 'new.txt')),
      {
        name: 'Edit',
        input: { file_path: join(outside, 'new.txt'), old_string: '', new_string: 'x' },
      },
      {
        name: 'Edit',
        input: { file_path: join(outside, 'secret.txt'), old_string: 'SECRET', new_string: 'GONE' },
      },
      {
        name: 'NotebookEdit',
        input: {
          notebook_path: join(outside, 'book.ipynb'),
          new_source: 'x',
          cell_type: 'code',
          edit_mode: 'insert',
        },
      },
    ]
    const { results } = await runTools(uses, { place, claude: everything })
    expect(results[0]).toMatch(/created/)
    for (const [index, use] of uses.entries()) {
      // A file that was never read is refused before any hook is asked.
      if (index > 0)
        expect(results[index], JSON.stringify(use)).toMatch(/refused|deny rule|has not been read/)
    }
    expect(existsSync(join(outside, 'new.txt'))).toBe(false)
    expect(await readFile(join(outside, 'secret.txt'), 'utf8')).toBe('SECRET words')
    expect(existsSync(join(outside, 'not-yet.txt'))).toBe(false)
  })

  it('search neither outside nor in what is kept from them', async () => {
    const uses = [
      { name: 'Grep', input: { pattern: 'words', output_mode: 'content' } },
      { name: 'Grep', input: { pattern: 'words', path: outside, output_mode: 'content' } },
      { name: 'Grep', input: { pattern: 'words', path: 'link', output_mode: 'content' } },
      { name: 'Grep', input: { pattern: 'words', path: 'kept', output_mode: 'content' } },
      { name: 'Glob', input: { pattern: '**/*.txt' } },
      { name: 'Glob', input: { pattern: `${outside}/*` } },
      { name: 'Glob', input: { pattern: '../outside/*' } },
      { name: 'Glob', input: { pattern: '*', path: 'link' } },
      { name: 'Glob', input: { pattern: '{x,../outside}/*' } },
      { name: 'Glob', input: { pattern: 'link/*' } },
    ]
    const { results } = await runTools(uses, { place, claude: everything })
    expect(results[0]).toContain('INSIDE')
    expect(results[4]).toContain('inside.txt')
    for (const index of [1, 2, 3, 5, 6, 7, 8, 9])
      expect(results[index], JSON.stringify(uses[index])).toMatch(refused)
    expect(results.join()).not.toMatch(/SECRET|KEPT|key\.txt|secret\.txt/)
  })

  it('reach what add_dirs adds', async () => {
    const { results } = await runTools(
      [{ name: 'Read', input: { file_path: join(outside, 'secret.txt') } }],
      {
        place: { ...place, addDirs: [outside] },
        claude: everything,
      },
    )
    expect(results[0]).toContain('SECRET')
  })

  it('obey the same wall in subagents', async () => {
    const scripts: Record<string, ReturnType<typeof callsTools>[]> = {
      main: [
        callsTools([
          {
            id: 'main_1',
            name: 'Agent',
            input: { description: 'd', prompt: 'SUBAGENT-TASK', subagent_type: 'reader' },
          },
        ]),
      ],
      sub: [
        callsTools([
          { id: 'sub_1', name: 'Read', input: { file_path: join(outside, 'secret.txt') } },
        ]),
        callsTools([{ id: 'sub_2', name: 'Read', input: { file_path: join(cwd, 'inside.txt') } }]),
        callsTools([
          { id: 'sub_3', name: 'Write', input: { file_path: join(cwd, 'sub.txt'), content: 'x' } },
        ]),
      ],
    }
    const { requests } = await runTools([], {
      place,
      claude: {
        tools: ['Agent', 'Read'],
        agents: {
          reader: { description: 'reads', prompt: 'You read.', tools: ['Read', 'Write', 'Bash'] },
        },
      },
      respond: ({ body }) => {
        const first = JSON.stringify(body.messages.find(({ role }) => role === 'user'))
        return scripts[first.includes('SUBAGENT-TASK') ? 'sub' : 'main']?.shift() ?? says('Done.')
      },
    })
    const results = toolResults(requests)
    expect(results.get('sub_1')).toMatch(refused)
    expect(results.get('sub_2')).toContain('INSIDE')
    expect(results.get('sub_3')).toMatch(/No such tool|refused/)
    expect(results.get('main_1')).toBeDefined()
  })

  it('may read the long results that Claude Code keeps for the session', async () => {
    let kept = ''
    const { requests } = await runTools([], {
      place,
      claude: { tools: ['Bash', 'Read'] },
      respond: ({ body }) => {
        const text = JSON.stringify(body.messages)
        const saved = /saved to: ([^\\\s"]+tool-results[^\\\s"]+)/.exec(text)?.[1]
        if (saved === undefined) return callsTools([{ id: 'long', ...bash('seq 1 30000') }])
        if (kept !== '') return says('Done.')
        kept = saved
        return callsTools([{ id: 'again', name: 'Read', input: { file_path: saved, limit: 3 } }])
      },
    })
    expect(kept).not.toBe('')
    expect(toolResults(requests).get('again')).toMatch(/1\\?\t?.*2/s)
    expect(toolResults(requests).get('again')).not.toMatch(refused)
  })
})
