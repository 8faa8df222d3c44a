import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { settings, variablesOf, type Setting } from '../src/config/schema.ts'
import { errorTable } from '../src/turn/error.ts'
import { anchorsOf, projectFiles, readPage, readProjectFile, root } from './support/markdown.ts'

const files = projectFiles()
const pages = files.filter((file) => file.endsWith('.md'))
const english = readProjectFile('README.md')
const chinese = readProjectFile('README.zh.md')

/** Whether a page has the word in backticks. */
function names(text: string, word: string): boolean {
  return text.includes(`\`${word}\``)
}

describe('the reference pages', () => {
  it('docs/configuration.md has every setting and no other', () => {
    const text = readProjectFile('docs/configuration.md')
    const expected = Object.entries<Setting>(settings).map(([name, row]) =>
      row.repeat === undefined ? name : `${name}_n`,
    )
    const shown = [...text.matchAll(/^- \*\*`(\w+)`\*\*/gm)].map(([, name]) => name)
    expect(shown.sort()).toEqual(expected.sort())
  })

  it('README.md names only settings that exist', () => {
    const known = new Set(
      Object.entries<Setting>(settings).flatMap(([name, row]) => variablesOf(name, row)),
    )
    // The first cells of the table of settings, and what is assigned in backticks or samples.
    const named = [...english.matchAll(/(?<![\w"])([A-Z]+(?:_[A-Z\d]+)*)=/g)].map(
      ([, name]) => name,
    )
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((name) => name !== undefined && !known.has(name))).toEqual([])
  })

  it('docs/errors.md has every error code and no other', () => {
    const text = readProjectFile('docs/errors.md')
    expect(Object.keys(errorTable).filter((code) => !names(text, code))).toEqual([])
    const listed = readPage(text).tables.map(([cell]) => /^`([a-z_]+)`$/.exec(cell ?? '')?.[1])
    const stale = listed.filter((code) => code?.includes('_') && !(code in errorTable))
    expect(stale).toEqual([])
  })

  it('docs/architecture.md has the import table that test/architecture.test.ts holds', () => {
    const held = [
      ...readProjectFile('test/architecture.test.ts').matchAll(/^ {2}(\w+): \[(.*)\],$/gm),
    ].map(([, folder = '', list = '']) => [folder, list.replaceAll("'", '')])
    const rows = readPage(readProjectFile('docs/architecture.md')).tables
    const begin = rows.findIndex(([cell]) => cell === 'folder')
    const shown = rows
      .slice(begin + 1, begin + 1 + held.length)
      .map(([folder = '', list = '']) => [
        folder.replaceAll('`', ''),
        list.replaceAll('`', '').replace('–', ''),
      ])
    expect(held.length).toBeGreaterThan(5)
    expect(shown).toEqual(held)
  })
})

describe('the pages', () => {
  it('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readProjectFile('package.json')) as {
      scripts: Record<string, string>
    }
    const wrong = pages.flatMap((page) =>
      [...readProjectFile(page).matchAll(/npm run ([\w:-]+)|npm (test|start)\b/g)]
        .map(([, script, short]) => script ?? short ?? '')
        .filter((script) => !(script in scripts))
        .map((script) => `${page}: ${script}`),
    )
    expect(wrong).toEqual([])
  })

  it.each(pages)('%s has no link that leads nowhere', (page) => {
    const text = readProjectFile(page)
    const broken = readPage(text)
      .links.filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#')
        const target = path === '' ? page : posix.join(posix.dirname(page), path)
        if (!existsSync(posix.join(root, target))) return true
        if (anchor === undefined) return false
        return !anchorsOf(readPage(readProjectFile(target))).includes(anchor)
      })
    expect(broken).toEqual([])
  })
})

describe('README.zh.md', () => {
  const [one, other] = [readPage(english), readPage(chinese)]

  it('has the headings of README.md', () => {
    expect(other.headings.map(({ level }) => level)).toEqual(one.headings.map(({ level }) => level))
    expect(one.headings.length).toBeGreaterThan(10)
  })

  it('has the samples of README.md', () => {
    expect(other.code.map(({ language, text }) => ({ language, text }))).toEqual(
      one.code.map(({ language, text }) => ({ language, text })),
    )
  })

  it('has the links and the code words of README.md', () => {
    const twin = /^README(\.zh)?\.md$/
    expect(other.links.filter((link) => !twin.test(link))).toEqual(
      one.links.filter((link) => !twin.test(link)),
    )
    expect(codeWords(chinese)).toEqual(codeWords(english))
  })
})

/** What stands in backticks outside samples: names that a translation must not lose. */
function codeWords(markdown: string): string[] {
  const prose = markdown.replace(/^```[^]*?^```/gm, '')
  return [...new Set([...prose.matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word))].sort()
}

describe('the project', () => {
  it("names nobody's machine and no registry", () => {
    // Written so that this file does not find itself.
    const places = [
      /(?<![\w.-])\/work\/[a-z]/,
      /\/tmp\/(?:probe)/,
      /(?:localhost|127\.0\.0\.1):4873/,
      /(?<![\w.-])\/root\/\.[a-z]/,
    ]
    const found = files.flatMap((file) =>
      places
        .filter((place) => place.test(readProjectFile(file)))
        .map((place) => `${file}: ${place}`),
    )
    expect(found).toEqual([])
  })
})
