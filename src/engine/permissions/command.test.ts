import { describe, expect, it } from 'vitest'
import { matchesCommand, simpleCommands } from './command.ts'

describe('simpleCommands', () => {
  it.each([
    ['git status', ['git status']],
    ['a && b || c; d | e |& f & g\nh', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']],
    [`git commit -m "a; b && c" -m 'd | $(e)'`, [`git commit -m "a; b && c" -m 'd | $(e)'`]],
    ['make 2>&1 >/dev/null | tail', ['make', 'tail']],
    ['make &>/dev/null', ['make']],
    [String.raw`echo a\;b "c\"d;"`, [String.raw`echo a\;b "c\"d;"`]],
    ['echo $HOME "$PATH"', ['echo $HOME "$PATH"']],
    ['  ; ', []],
  ])('splits %j', (line, commands) => {
    expect(simpleCommands(line)).toEqual(commands)
  })

  it.each([
    'git log $(rm x)',
    'git log `rm x`',
    'git log "$(rm x)"',
    'git log "`rm x`"',
    'git log ${x}',
    "git log $'x'",
    'git log > file',
    'git log >/dev/nullx',
    'git log >> file',
    'git apply < file',
    'git log <(rm x)',
    '(git status)',
    'git() { rm x; }',
    'git status <<EOF\nEOF',
    "git 'unclosed",
    'git "unclosed',
    'git status \\\n rm',
    'git status \\',
  ])('does not judge %j', (line) => {
    expect(simpleCommands(line)).toBeUndefined()
  })
})

describe('matchesCommand', () => {
  it.each([
    ['git *', 'git status', true],
    ['git *', 'git', true],
    ['git *', 'gitk', false],
    ['git:*', 'git status', true],
    ['git:*', 'gitk', false],
    ['git*', 'gitk', true],
    ['npm run build', 'npm run build', true],
    ['npm run build', 'npm run build --x', false],
    ['git * main', 'git push origin main', true],
    ['git * main', 'git push origin dev', false],
    ['a.b', 'axb', false],
    ['git *', 'sudo git status', false],
  ])('%j covers %j: %s', (pattern, command, expected) => {
    expect(matchesCommand(pattern, command)).toBe(expected)
  })
})
