import { describe, expect, it } from 'vitest'
import { matchesPath } from './path-pattern.ts'

const base = { cwd: '/work', home: '/home/me' }

describe('matchesPath', () => {
  it.each([
    ['src/**', '/work/src/a/b.ts', true],
    ['src/**', '/work/src', false],
    ['src/**', '/work/lib/src/a.ts', false],
    ['./src/**', '/work/src/a.ts', true],
    ['/src/**', '/work/src/a.ts', true],
    ['src', '/work/src/a.ts', true],
    ['src', '/work/deep/src/a.ts', true],
    ['src/', '/work/deep/src/a.ts', true],
    ['*.md', '/work/deep/a.md', true],
    ['*.md', '/work/deep/a.mdx', false],
    ['src/*.ts', '/work/src/a.ts', true],
    ['src/*.ts', '/work/src/deep/a.ts', false],
    ['src/**/a.ts', '/work/src/a.ts', true],
    ['src/**/a.ts', '/work/src/x/y/a.ts', true],
    ['a?.txt', '/work/ab.txt', true],
    ['a.c', '/work/abc', false],
    ['**', '/work/x', true],
    ['**', '/other/x', false],
    ['*', '/other/x', false],
    ['//other/**', '/other/x', true],
    ['//other', '/otherwise', false],
    ['~/notes/**', '/home/me/notes/a', true],
    ['../other/**', '/other/x', false],
  ])('%j covers %j: %s', (pattern, path, expected) => {
    expect(matchesPath(pattern, path, base)).toBe(expected)
  })
})
