import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parameters as messagesParameters } from '../../src/dialects/anthropic-messages/parameters.ts'
import { parameters } from '../../src/dialects/openai-chat/parameters.ts'
import { responseParameters } from '../../src/dialects/openai-responses/parameters.ts'
import type { Parameter } from '../../src/dialects/parameter-table.ts'
import { type ErrorRow, errorTable } from '../../src/turn/error.ts'

function tableOf(page: string): string[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
  return text.split('\n').filter((line) => line.startsWith('| `'))
}

describe('docs/errors.md', () => {
  it('has a row for each code, and no other', () => {
    const rows = Object.entries<ErrorRow>(errorTable).map(
      ([code, { status, type, kind, why }]) =>
        `| \`${code}\` | ${status} | \`${type}\` | ${kind} | ${why} |`,
    )
    expect(tableOf('errors.md')).toEqual(rows)
  })
})

describe.each([
  ['parameters.md', parameters],
  ['responses.md', responseParameters],
  ['anthropic.md', messagesParameters],
])('docs/%s', (page, table) => {
  it('has a row for each parameter, and no other', () => {
    const rows = Object.entries<Parameter>(table).map(
      ([name, { treatment, why }]) => `| \`${name}\` | ${treatment} | ${sentence(why)} |`,
    )
    const shown = tableOf(page).filter((row) =>
      /^\| `\w+` \| (?:honoured|ignored|refused) \|/.test(row),
    )
    expect(shown).toEqual(rows)
  })
})

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
