import { describe, expect, it } from 'vitest'
import { detectSandbox, sandboxSettings } from './sandbox.ts'

const place = {
  cwd: '/work',
  addDirs: ['/more'],
  forbidden: ['/work/kept'],
  programFolders: ['/home/me/node/bin'],
}

describe('sandboxSettings', () => {
  it('writes to the working folders alone, and reads those and programs', () => {
    const { filesystem } = sandboxSettings(place, 'linux')
    expect(filesystem?.allowWrite).toEqual(['/work', '/more'])
    expect(filesystem?.denyWrite).toEqual(['/work/kept'])
    expect(filesystem?.denyRead).toEqual(['/', '/work/kept'])
    expect(filesystem?.allowRead).toEqual(
      expect.arrayContaining(['/usr', '/work', '/more', '/home/me/node/bin', '/home/me/node/lib']),
    )
    for (const path of ['/', '/etc', '/home', '/root', '/tmp', '/var', '/run'])
      expect(filesystem?.allowRead).not.toContain(path)
  })

  it('leaves no way out of the sandbox', () => {
    for (const platform of ['linux', 'darwin']) {
      expect(sandboxSettings(place, platform)).toMatchObject({
        enabled: true,
        failIfUnavailable: true,
        autoAllowBashIfSandboxed: false,
        allowUnsandboxedCommands: false,
        network: { allowedDomains: [], strictAllowlist: true },
      })
    }
  })
})

describe('detectSandbox', () => {
  it('says unavailable where Claude Code has no sandbox', async () => {
    expect(await detectSandbox('win32')).toBe('unavailable')
    expect(await detectSandbox('darwin')).toBe('available')
  })
})
