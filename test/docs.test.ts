import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { settings, variablesOf, type Setting } from '../src/config/schema.ts'
import { claudeOptionsSchema } from '../src/dialects/openai-chat/options.ts'
import { parameters } from '../src/dialects/openai-chat/parameters.ts'
import { createApp } from '../src/http/app.ts'
import type { HttpParts } from '../src/http/parts.ts'
import { silentTelemetry } from '../src/telemetry/silent.ts'
import { errorTable } from '../src/turn/error.ts'
import { anchorsOf, projectFiles, readPage, readProjectFile, root } from './support/markdown.ts'

/** Enough for an app that is only looked at. */
const partsOfNothing: HttpParts = {
  options: {
    host: '127.0.0.1',
    corsOrigins: [],
    allowedHosts: [],
    bodyLimitBytes: 1024,
    heartbeatMs: 1000,
    readerMs: 1000,
    strictParameters: false,
    maxChoices: 1,
  },
  backend: { name: 'nothing', run: () => Readable.from([]) },
  models: { list: () => Promise.resolve([]) },
  readiness: () => Promise.resolve({ ready: false, reasons: [] }),
  metrics: () => Promise.resolve({ contentType: 'text/plain', text: '' }),
  telemetry: silentTelemetry,
}

const foreignHeaders = [
  'x-api-key',
  'x-should-retry',
  'x-accel-buffering',
  'x-content-type-options',
]

const files = projectFiles()
const pages = files.filter((file) => file.endsWith('.md'))
const english = readProjectFile('README.md')
const chinese = readProjectFile('README.zh.md')

/** Whether a page has the word in backticks. */
function names(text: string, word: string): boolean {
  return text.includes(`\`${word}\``)
}

/** The paths in a tree such as Fastify prints: each line goes on where its parent's ends. */
function pathsOf(tree: string): string[] {
  const parents: { indent: number; path: string }[] = []
  return [...tree.matchAll(/^(.*)── (\S*) \(/gm)].map(([, line = '', piece = '']) => {
    const indent = line.length
    while ((parents.at(-1)?.indent ?? -1) >= indent) parents.pop()
    const path = posix.join(parents.at(-1)?.path ?? '', '/', piece)
    parents.push({ indent, path })
    return path.replace('*', '{id}').replace(/:(\w+)/g, '{$1}')
  })
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

  it('docs/parameters.md has every parameter', () => {
    const text = readProjectFile('docs/parameters.md')
    expect(Object.keys(parameters).filter((name) => !names(text, name))).toEqual([])
  })

  it('docs/claude-options.md explains every option, each with an example, and no other', () => {
    const { headings, code } = readPage(readProjectFile('docs/claude-options.md'))
    const options = Object.keys(claudeOptionsSchema.shape).sort()
    const explained = headings.filter(({ level }) => level === 3).map(({ text }) => text)
    expect(explained.sort()).toEqual(options)
    const examples = code.filter(({ language }) => language === 'json')
    const withExample = examples
      .filter(({ heading, text }) => text.includes(`"${heading}"`))
      .map(({ heading }) => heading)
    expect([...new Set(withExample)].sort()).toEqual(options)
  })

  it('README.md has every option in its table', () => {
    const listed = readPage(english).tables.flatMap(
      ([cell]) => /^\[`(\w+)`\]\(docs\/claude-options\.md#(\w+)\)$/.exec(cell ?? '')?.[1] ?? [],
    )
    expect(listed.sort()).toEqual(Object.keys(claudeOptionsSchema.shape).sort())
  })

  it('README.md has every route', async () => {
    const app = await createApp(partsOfNothing)
    const paths = pathsOf(app.printRoutes({ commonPrefix: false }))
    await app.close()
    expect(paths).toContain('/v1/chat/completions')
    expect(
      paths.filter(
        (path) => !['GET', 'POST', 'DELETE'].some((method) => names(english, `${method} ${path}`)),
      ),
    ).toEqual([])
  })

  it('README.md has the headers that the server sends of its own', () => {
    const sources = files.filter((file) => /^src\/http\/(?!.*\.test\.ts)/.test(file))
    const code = sources.map(readProjectFile).join('\n')
    const sent = new Set(
      [
        ...code.matchAll(
          /'(x-(?:claude-[\w-]+|provider|attempts|cache|model-mapped|\w+-\w+|notice))'/g,
        ),
      ].map(([, name = '']) => name),
    )
    // Not ours: what clients send, and what other software already knows.
    for (const name of foreignHeaders) sent.delete(name)
    const documented = [...english.matchAll(/^\| `x-.*?\|/gm)].flatMap(([cell]) =>
      [...cell.matchAll(/`(x-[\w-]+)`/g)].map(([, name = '']) => name),
    )
    expect(documented.sort()).toEqual([...sent].sort())
  })

  it('docs/architecture.md has the import table that test/architecture.test.ts holds', () => {
    const held = [
      ...readProjectFile('test/architecture.test.ts').matchAll(
        /^ {2}(\w+): \[([^\]]*?),?\s*\],$/gm,
      ),
    ].map(([, folder = '', list = '']) => [
      folder,
      list.replaceAll("'", '').trim().replaceAll(/\s+/g, ' '),
    ])
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
      /(?<![\w.-])\/work\/(?:main|notes|shared)/,
      /\/tmp\/(?:probe)/,
      /(?:localhost|127\.0\.0\.1):(?:4873)/,
    ]
    const found = files.flatMap((file) =>
      places
        .filter((place) => place.test(readProjectFile(file)))
        .map((place) => `${file}: ${place}`),
    )
    expect(found).toEqual([])
  })
})
