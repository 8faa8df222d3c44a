import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { settings } from '../../src/config/schema.ts'
import { runMain } from './run-command.ts'

describe('main', () => {
  it('prints each setting once when asked for help', async () => {
    const { status, out } = await runMain(['serve', '--help'])
    expect(status).toBe(0)
    const lines = out.split('\n').filter((line) => line.startsWith('  --'))
    expect(lines).toHaveLength(Object.keys(settings).length + 2)
  })

  it('prints the version of package.json', async () => {
    const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    const { out } = await runMain(['--version'])
    expect(file).toContain(`"version": "${out.trim()}"`)
  })

  it('exits 1 and names the commands when it does not know one', async () => {
    expect(await runMain(['sevre'])).toMatchObject({
      status: 1,
      out: '',
      err: '`sevre` is not a command; `--help` lists them\n',
    })
  })

  it('prints the problems of the configuration without a stack and exits 1', async () => {
    const { status, err } = await runMain(['config', '--port', 'x', '--nope'])
    expect(status).toBe(1)
    expect(err).toBe(
      '`--nope` is not a known flag; `--help` lists them\nPORT is "x"; it may be a whole number from 0 to 65535\n',
    )
  })

  it('prints what is in force and where it came from, but no secret', async () => {
    const env = { API_KEY: 'very-secret', MAX_CHOICES: '3' }
    const { status, out } = await runMain(['config', '--port', '9000'], env)
    expect(status).toBe(0)
    expect(out).toMatch(/^PORT=9000 {2}# flag$/m)
    expect(out).toMatch(/^MAX_CHOICES=3 {2}# environment$/m)
    expect(out).toMatch(/^SMALL_MODEL=haiku {2}# default$/m)
    expect(out).toMatch(/^API_KEY=\[redacted\] {2}# environment$/m)
    const json = await runMain(['config', '--json'], env)
    expect(JSON.parse(json.out)).toMatchObject({
      API_KEY: { value: '[redacted]', origin: 'environment' },
      CLAUDE_PATH: { value: null, origin: 'default' },
    })
    expect(out + json.out).not.toContain('very-secret')
  })
})
