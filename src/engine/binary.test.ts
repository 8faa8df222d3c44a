import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  bundledNames,
  claudeVersion,
  findClaude,
  isOlder,
  minimumVersion,
  requireClaude,
} from './binary.ts'

const folder = mkdtempSync(join(tmpdir(), 'binary-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A `claude` that is a script. */
function fakeClaude(name: string, script: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

describe('findClaude', () => {
  it('finds the bundled binary, which is new enough, when nothing is configured', async () => {
    const { path, version } = await requireClaude()
    expect(path).toBe(findClaude())
    expect(isOlder(version, minimumVersion)).toBe(false)
  })

  it('finds nothing when CLAUDE_PATH names nothing, a folder or a file that cannot be run', () => {
    const file = join(folder, 'text')
    writeFileSync(file, '')
    expect([join(folder, 'none'), folder, file].map(findClaude)).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('bundledNames', () => {
  it('follows the platform', () => {
    const sdk = '@anthropic-ai/claude-agent-sdk'
    expect(bundledNames('linux', 'x64')).toEqual([
      `${sdk}-linux-x64/claude`,
      `${sdk}-linux-x64-musl/claude`,
    ])
    expect(bundledNames('darwin', 'arm64')).toEqual([`${sdk}-darwin-arm64/claude`])
    expect(bundledNames('win32', 'x64')).toEqual([`${sdk}-win32-x64/claude.exe`])
  })
})

describe('claudeVersion', () => {
  it('does not show the binary the environment of this process', async () => {
    process.env['FALLBACK_API_KEY_5'] = '9.9.9'
    const path = fakeClaude('spy', 'echo "1.0.0${FALLBACK_API_KEY_5}"')
    expect(await claudeVersion(path)).toBe('1.0.0')
    delete process.env['FALLBACK_API_KEY_5']
  })

  it('runs a script of Node without its execute bit', async () => {
    const path = join(folder, 'cli.js')
    writeFileSync(path, 'console.log("3.2.1 (Claude Code)")')
    expect(await requireClaude(path)).toEqual({ path, version: '3.2.1' })
  })
})

describe('requireClaude throws claude_not_installed', () => {
  it.each([
    [
      'too old, with both versions',
      'echo "2.1.99 (Claude Code)"',
      /2\.1\.99 is too old: .* 2\.1\.261 or later/,
    ],
    ['something else', 'echo hello', /it is not Claude Code/],
    ['broken', 'exit 3', /does not run \(3\)/],
  ])('when the binary is %s', async (name, script, message) => {
    await expect(requireClaude(fakeClaude(name.slice(0, 3), script))).rejects.toMatchObject({
      code: 'claude_not_installed',
      message: expect.stringMatching(message),
    })
  })

  it('when there is none', async () => {
    await expect(requireClaude(join(folder, 'none'))).rejects.toThrow(/CLAUDE_PATH does not name/)
  })
})

describe('isOlder', () => {
  it('compares numbers, not text', () => {
    expect(isOlder('2.1.99', '2.1.261')).toBe(true)
    expect(isOlder('2.1.261', '2.1.261')).toBe(false)
    expect(isOlder('10.0.0', '9.9.9')).toBe(false)
  })
})
