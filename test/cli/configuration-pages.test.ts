import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { configurationPage, envExample } from '../../scripts/docs/configuration.ts'
import { loadConfig } from '../../src/config/load.ts'
import { settings, variablesOf, type Setting } from '../../src/config/schema.ts'

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
}

describe('the configuration pages', () => {
  it('are what the table says (if not, run `npm run docs`)', () => {
    expect(read('docs/configuration.md')).toBe(configurationPage())
    expect(read('.env.example')).toBe(envExample())
  })

  it('name every setting', () => {
    for (const [name, row] of Object.entries<Setting>(settings)) {
      expect(configurationPage()).toContain(
        `**\`${name}${row.repeat === undefined ? '' : '_n'}\`**`,
      )
      expect(envExample()).toContain(`# ${variablesOf(name, row)[0]}=${row.default ?? ''}\n`)
    }
  })

  it('have an example that changes nothing until it is edited, and gives the defaults when uncommented', () => {
    expect(parseEnv(envExample())).toEqual({})
    const uncommented = parseEnv(envExample().replaceAll(/^# (?=[A-Z_\d]+=)/gm, ''))
    const variables = Object.entries(uncommented).map(([name, value]) => [name, value ?? ''])
    const { engine, ...rest } = loadConfig({ env: {} })
    expect(loadConfig({ env: Object.fromEntries(variables) })).toEqual({
      ...rest,
      engine: { ...engine, environment: expect.anything() },
    })
  })
})
