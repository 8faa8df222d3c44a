import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import type * as regularFile from './regular-file.ts'
import { openRegularFile } from './regular-file.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

/** What happens in the moment that a race would use. */
const race = vi.hoisted(() => ({ beforeOpening: async () => {} }))

vi.mock('./regular-file.ts', async (load) => {
  const real = await load<typeof regularFile>()
  return {
    ...real,
    openRegularFile: async (path: string) => {
      await race.beforeOpening()
      return real.openRegularFile(path)
    },
  }
})

let top: string
let root: string
let workspace: Workspace

beforeEach(async () => {
  race.beforeOpening = async () => {}
  top = await realpath(await mkdtemp(join(tmpdir(), 'workspace-')))
  root = join(top, 'root')
  await mkdir(join(root, 'sub'), { recursive: true })
  await mkdir(join(top, 'outside'))
  await writeFile(join(top, 'outside', 'secret.txt'), 'secret')
  await writeFile(join(root, 'a.txt'), 'inside')
  workspace = await openWorkspace({ roots: [root], home: root })
})

afterEach(() => rm(top, { recursive: true, force: true }))

async function failure(promise: Promise<unknown>): Promise<TurnError> {
  const error: unknown = await promise.then(
    (value) => `no failure but ${JSON.stringify(value)}`,
    (error: unknown) => error,
  )
  if (error instanceof TurnError) return error
  throw new Error(`not a TurnError: ${String(error)}`)
}

describe('Workspace.folder', () => {
  it.each([
    ['sub', 'sub'],
    ['./sub/../sub/', 'sub'],
    ['.', ''],
    ['~', ''],
    ['~/sub', 'sub'],
  ])('resolves %s inside the first root', async (path, expected) => {
    expect(await workspace.folder(path, 'f')).toBe(join(root, expected))
  })

  it('resolves links that stay inside', async () => {
    await symlink('sub', join(root, 'link'))
    expect(await workspace.folder('link', 'f')).toBe(join(root, 'sub'))
  })

  it('resolves a path through a link outside that leads to the root', async () => {
    await symlink(root, join(top, 'alias'))
    expect(await workspace.folder(join(top, 'alias', 'sub'), 'f')).toBe(join(root, 'sub'))
  })

  it('takes roots that are links themselves', async () => {
    await symlink(root, join(top, 'alias'))
    const other = await openWorkspace({ roots: [join(top, 'alias')] })
    expect(other.roots).toEqual([root])
    expect(await other.folder(join(root, 'sub'), 'f')).toBe(join(root, 'sub'))
  })

  it.each([
    ['missing', 'does not exist'],
    ['a.txt', 'is not a folder'],
    ['a.txt/x', 'does not exist'],
    ['x'.repeat(300), 'does not exist'],
  ])('refuses %s inside as invalid_value', async (path, words) => {
    const error = await failure(workspace.folder(path, 'claude_options.working_dir'))
    expect(error).toMatchObject({ code: 'invalid_value', param: 'claude_options.working_dir' })
    expect(error.message).toContain(words)
  })

  it.each([
    ['', 'empty'],
    ['a\0b', 'NUL'],
    ['x/'.repeat(3000), 'characters'],
  ])('refuses text that is no path (%#) as invalid_value', async (path, words) => {
    const error = await failure(workspace.folder(path, 'f'))
    expect(error.code).toBe('invalid_value')
    expect(error.message).toContain(words)
  })

  it('says of everything outside the same, existing or not', async () => {
    await symlink(join(top, 'outside'), join(root, 'out'))
    await symlink(join(top, 'nothing'), join(root, 'dead'))
    await symlink('../outside/secret.txt/..', join(root, 'odd'))
    const paths = [
      join(top, 'outside'),
      join(top, 'nothing'),
      join(top, 'outside', 'secret.txt'),
      '..',
      '../outside',
      '../root-not',
      '/',
      '/proc/self/root/etc',
      'out',
      'out/nothing',
      'dead',
      'dead/deeper',
      'odd',
    ]
    const errors = await Promise.all(paths.map((path) => failure(workspace.folder(path, 'f'))))
    const texts = errors.map(
      ({ code, message }, index) => `${code} ${message.replace(`'${paths[index]}'`, 'PATH')}`,
    )
    expect(new Set(texts).size).toBe(1)
    expect(errors[0]).toMatchObject({ code: 'forbidden', param: 'f' })
    expect(errors[0]?.message).toContain('WORKSPACE_ROOTS')
  })

  it('does not tell what is outside through a link that comes back', async () => {
    await symlink(`${top}/outside/../root/sub`, join(root, 'there'))
    await symlink(`${top}/nothing/../root/sub`, join(root, 'not-there'))
    expect(await workspace.folder('there', 'f')).toBe(join(root, 'sub'))
    expect(await workspace.folder('not-there', 'f')).toBe(join(root, 'sub'))
  })

  it('ends at links that go in circles', async () => {
    await symlink('two', join(root, 'one'))
    await symlink('one', join(root, 'two'))
    expect(await failure(workspace.folder('one', 'f'))).toMatchObject({ code: 'invalid_value' })
  })

  it('does not take a neighbour whose name begins like the root', async () => {
    await mkdir(`${root}2`)
    expect(await failure(workspace.folder(`${root}2`, 'f'))).toMatchObject({ code: 'forbidden' })
    expect(workspace.contains(`${root}2`)).toBe(false)
    expect(workspace.contains(join(root, 'x'))).toBe(true)
  })

  it('refuses everything when there are no roots', async () => {
    const none = await openWorkspace({ roots: [] })
    expect(await failure(none.folder('x', 'f'))).toMatchObject({ code: 'forbidden' })
    expect(await failure(none.folder('/', 'f'))).toMatchObject({ code: 'forbidden' })
  })
})

describe('Workspace.file', () => {
  it('reads a file, relative to the base', async () => {
    await writeFile(join(root, 'sub', 'ü 漢 😀.txt'), 'there')
    expect(String(await workspace.file('ü 漢 😀.txt', join(root, 'sub'), 'f', 100))).toBe('there')
    expect(String(await workspace.file('../a.txt', join(root, 'sub'), 'f', 100))).toBe('inside')
  })

  it('refuses links that lead outside, in the file and above it', async () => {
    await symlink(join(top, 'outside', 'secret.txt'), join(root, 'link.txt'))
    await symlink(join(top, 'outside'), join(root, 'out'))
    for (const path of ['link.txt', 'out/secret.txt', join(top, 'outside', 'secret.txt')]) {
      expect(await failure(workspace.file(path, root, 'f', 100))).toMatchObject({
        code: 'forbidden',
      })
    }
  })

  it('refuses folders, FIFOs and devices at once', async () => {
    execFileSync('mkfifo', [join(root, 'fifo')])
    const errors = await Promise.all(
      ['sub', 'fifo'].map((path) => failure(workspace.file(path, root, 'f', 100))),
    )
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ['invalid_value', "f: 'sub' is a folder; name a file, or a pattern such as `folder/**`."],
      ['invalid_value', "f: 'fifo' is not a regular file."],
    ])
    const everything = await openWorkspace({ roots: ['/'] })
    expect(await failure(everything.file('/dev/zero', '/', 'f', 100))).toMatchObject({
      code: 'invalid_value',
    })
  })

  it('reads a file of exactly the limit and refuses one byte more', async () => {
    expect(await workspace.file('a.txt', root, 'f', 6)).toHaveLength(6)
    const error = await failure(
      workspace.file('a.txt', root, 'f', { bytes: 5, setting: 'IMAGE_LIMIT_MB' }),
    )
    expect(error.message).toContain('larger than 5 bytes, the limit that IMAGE_LIMIT_MB sets')
  })

  it.runIf(process.platform === 'linux')('does not believe a size of 0', async () => {
    const everything = await openWorkspace({ roots: ['/'] })
    expect(await failure(everything.file('/proc/self/status', '/', 'f', 100))).toMatchObject({
      code: 'invalid_value',
    })
  })

  it('refuses what became a link to the outside between the check and the opening', async () => {
    await writeFile(join(root, 'sub', 'secret.txt'), 'inside')
    race.beforeOpening = async () => {
      await rename(join(root, 'sub'), join(root, 'kept'))
      await symlink(join(top, 'outside'), join(root, 'sub'))
    }
    const error = await failure(workspace.file('sub/secret.txt', root, 'f', 100))
    expect(error).toMatchObject({ code: 'forbidden' })
  })

  it('refuses a file that became a link itself between the check and the opening', async () => {
    race.beforeOpening = async () => {
      await rm(join(root, 'a.txt'))
      await symlink(join(top, 'outside', 'secret.txt'), join(root, 'a.txt'))
    }
    expect(await failure(workspace.file('a.txt', root, 'f', 100))).toMatchObject({
      code: 'invalid_value',
    })
  })
})

describe('Workspace with forbidden folders', () => {
  it('shuts them, but for a base inside them', async () => {
    await mkdir(join(root, '.data', 'mine'), { recursive: true })
    await mkdir(join(root, '.data', 'theirs'))
    await writeFile(join(root, '.data', 'mine', 'x'), 'mine')
    await writeFile(join(root, '.data', 'theirs', 'x'), 'theirs')
    const shut = await openWorkspace({ roots: [root], forbidden: [join(root, '.data')] })
    const mine = join(root, '.data', 'mine')
    expect(await failure(shut.folder('.data', 'f'))).toMatchObject({ code: 'forbidden' })
    expect(await failure(shut.file('.data/mine/x', root, 'f', 100))).toMatchObject({
      code: 'forbidden',
    })
    expect(String(await shut.file('x', mine, 'f', 100))).toBe('mine')
    expect(await failure(shut.file('../theirs/x', mine, 'f', 100))).toMatchObject({
      code: 'forbidden',
    })
  })

  it('opens a base outside the roots to its own files only', async () => {
    const base = join(top, 'outside')
    expect(String(await workspace.file('secret.txt', base, 'f', 100))).toBe('secret')
    expect(await failure(workspace.file('../other', base, 'f', 100))).toMatchObject({
      code: 'forbidden',
    })
  })
})

describe('openRegularFile', () => {
  it('tells where a file truly lies that a link above it hides', async () => {
    await symlink(join(top, 'outside'), join(root, 'out'))
    const file = await openRegularFile(join(root, 'out', 'secret.txt'))
    await file?.handle.close()
    expect(file?.path).toBe(join(top, 'outside', 'secret.txt'))
  })

  it('opens no link', async () => {
    await symlink(join(root, 'a.txt'), join(root, 'link.txt'))
    expect(await openRegularFile(join(root, 'link.txt'))).toBeUndefined()
  })
})
