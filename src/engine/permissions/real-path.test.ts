import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { absolutePath, isWithin, realPath } from './real-path.ts'

let root: string
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'real-path-')))
  await mkdir(join(root, 'real'))
  await symlink(join(root, 'real'), join(root, 'link'))
  await symlink('missing/deep', join(root, 'real', 'dangling'))
  await symlink('loop', join(root, 'loop'))
})
afterAll(() => rm(root, { recursive: true }))

describe('realPath', () => {
  it('follows links of the nearest existing folder', async () => {
    expect(await realPath(join(root, 'link', 'new', 'file'))).toBe(
      join(root, 'real', 'new', 'file'),
    )
  })
  it('follows a link whose target is missing', async () => {
    expect(await realPath(join(root, 'link', 'dangling'))).toBe(
      join(root, 'real', 'missing', 'deep'),
    )
  })
  it('throws for a loop and for a zero byte', async () => {
    await expect(realPath(join(root, 'loop'))).rejects.toThrow()
    await expect(realPath(join(root, 'a\0b'))).rejects.toThrow()
  })
})

describe('absolutePath', () => {
  it.each([
    ['a/../b', '/work/b'],
    ['/x/./y', '/x/y'],
    ['~/a', '/home/me/a'],
    ['~', '/home/me'],
    ['~other/a', '/work/~other/a'],
  ])('reads %j as %j', (path, expected) => {
    expect(absolutePath(path, { cwd: '/work', home: '/home/me' })).toBe(expected)
  })
})

describe('isWithin', () => {
  it.each([
    ['/a/b', '/a', true],
    ['/a', '/a', true],
    ['/ab', '/a', false],
    ['/a/..b', '/a', true],
    ['/', '/a', false],
  ])('%j in %j: %s', (path, folder, expected) => {
    expect(isWithin(path, folder)).toBe(expected)
  })
})
