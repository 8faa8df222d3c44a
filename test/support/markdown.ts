import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

const notOurs = new Set(['node_modules', 'dist', 'coverage', '.git', '.env'])

/** Every file of the project, relative to its folder, with `/`. */
export function projectFiles(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !notOurs.has(name) && !name.endsWith('.log'))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      return entry.isDirectory() ? projectFiles(path) : [path]
    })
}

export function readProjectFile(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** A fenced block: its language and text, and the heading above it. */
export type CodeBlock = { language: string; text: string; heading: string }

export type Heading = { level: number; text: string }

/** What a page is made of, as far as tests look into it. */
export type Page = { headings: Heading[]; code: CodeBlock[]; links: string[]; tables: string[][] }

/** Reads Markdown line by line; enough for our own pages, which Prettier keeps regular. */
export function readPage(markdown: string): Page {
  const page: Page = { headings: [], code: [], links: [], tables: [] }
  let block: { fence: string; language: string; lines: string[] } | undefined
  for (const line of markdown.split('\n')) {
    const [, fence = '', language = ''] = /^\s*(`{3,}|~{3,})(\S*)/.exec(line) ?? []
    if (block) {
      if (!line.trimStart().startsWith(block.fence)) {
        block.lines.push(line)
        continue
      }
      const heading = page.headings.at(-1)?.text ?? ''
      page.code.push({ language: block.language, text: block.lines.join('\n'), heading })
      block = undefined
    } else if (fence !== '') {
      block = { fence, language, lines: [] }
    } else {
      readLine(line, page)
    }
  }
  return page
}

function readLine(line: string, page: Page): void {
  const [, marks, text] = /^(#{1,6}) +(.*)$/.exec(line) ?? []
  if (marks !== undefined && text !== undefined) page.headings.push({ level: marks.length, text })
  for (const [, target] of line.replace(/`[^`]*`/g, '').matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)) {
    if (target !== undefined) page.links.push(target)
  }
  if (/^\|(?![\s-]*-{3})/.test(line)) {
    page.tables.push(
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  }
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page: Page): string[] {
  const seen = new Map<string, number>()
  return page.headings.map(({ text }) => {
    const anchor = text
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
      .replaceAll(' ', '-')
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
}
