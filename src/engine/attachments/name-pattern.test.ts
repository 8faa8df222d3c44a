import { describe, expect, it } from 'vitest'
import { expandBraces, hasWildcards, matchesName, parseName } from './name-pattern.ts'

function matches(pattern: string, name: string): boolean {
  return matchesName(parseName(pattern), name)
}

describe('matchesName', () => {
  it.each([
    ['*.ts', 'a.ts', true],
    ['*.ts', '.ts', false],
    ['*.ts', 'a.tsx', false],
    ['a*b*c', 'aXbXbXc', true],
    ['a*b*c', 'aXbX', false],
    ['*', '', true],
    ['*', '.hidden', false],
    ['.*', '.hidden', true],
    ['?hidden', '.hidden', false],
    ['[.]hidden', '.hidden', true],
    ['[!x]hidden', '.hidden', false],
    ['?', '😀', true],
    ['??', '漢字', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]]', ']', true],
    ['[a', '[a', true],
    [String.raw`\*`, '*', true],
    [String.raw`\*`, 'a', false],
    [String.raw`\\`, '\\', true],
    [String.raw`a\\b`, String.raw`a\b`, true],
    ['(a+)+', '(a+)+', true],
  ])('takes %s and %s: %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected)
  })

  it('needs no time for patterns made to be slow', () => {
    const begin = performance.now()
    expect(matches('*a'.repeat(100) + 'b', 'a'.repeat(255))).toBe(false)
    expect(performance.now() - begin).toBeLessThan(100)
  })
})

describe('expandBraces', () => {
  it.each([
    ['a', ['a']],
    ['{a,b}.ts', ['a.ts', 'b.ts']],
    ['{a,b{c,d}}/{x,}', ['a/x', 'a/', 'bc/x', 'bc/', 'bd/x', 'bd/']],
    ['{a}', ['{a}']],
    ['{a,b', ['{a,b']],
    [String.raw`\{a,b}`, [String.raw`\{a,b}`]],
    ['{{a},b}', ['{a}', 'b']],
  ])('writes out %s', (pattern, expected) => {
    expect(expandBraces(pattern, 64)).toEqual(expected)
  })

  it('gives up past the limit', () => {
    expect(expandBraces('{a,b}'.repeat(6), 64)).toHaveLength(64)
    expect(expandBraces('{a,b}'.repeat(7), 64)).toBeUndefined()
  })

  it('needs no time for braces that never close', () => {
    const begin = performance.now()
    expandBraces('{'.repeat(2000) + ','.repeat(2000), 64)
    expect(performance.now() - begin).toBeLessThan(500)
  })
})

describe('hasWildcards', () => {
  it('tells patterns from paths', () => {
    expect(['a/b.ts', 'a (1)!.ts', 'a*', 'a?', '[a]', '{a,b}', '\\a'].map(hasWildcards)).toEqual([
      false,
      false,
      true,
      true,
      true,
      true,
      true,
    ])
  })
})
