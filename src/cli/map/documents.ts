import { readFile, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { glob } from 'tinyglobby'
import { type Content, recognize } from '../../engine/attachments/content.ts'
import { CommandProblem } from '../command-problem.ts'

/** Content of a kind that a model can be given. */
export type DocumentContent = Exclude<Content, { type: 'empty' | 'unknown' }>

export type FindOptions = {
  /** The folder that patterns and paths begin at. */
  folder: string
  /** Files and folders (absolute) that are no documents: what the command writes itself. */
  except: readonly string[]
}

/**
 * The paths of the documents, from `folder`, each once, in the order of the patterns and sorted within each. A pattern that is a file's path names
 * that file; `!…` takes away; what begins with a dot and `node_modules` is found only where a pattern names it. Throws a `CommandProblem`.
 */
export async function findDocuments(
  patterns: readonly string[],
  { folder, except }: FindOptions,
): Promise<string[]> {
  const ignore = patterns.filter((one) => one.startsWith('!')).map((one) => one.slice(1))
  const found = new Set<string>()
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) continue
    const files = await matching(pattern, folder, ignore)
    const documents = files.filter((file) => !isWithin(resolve(folder, file), except))
    if (documents.length === 0) {
      const where =
        files.length === 0
          ? `finds no document in ${folder}.`
          : 'finds only what is where the answers go; name another place with -o.'
      throw new CommandProblem(`${JSON.stringify(pattern)} ${where}`)
    }
    for (const document of documents) found.add(document)
  }
  if (found.size > 0) return [...found]
  throw new CommandProblem('No pattern says which documents are meant.')
}

async function matching(pattern: string, folder: string, ignore: string[]): Promise<string[]> {
  const path = resolve(folder, pattern)
  const facts = await stat(path).catch(() => undefined)
  if (facts?.isFile()) return [shownPath(folder, path)]
  if (facts?.isDirectory()) {
    const example = join(pattern, '**', '*.md').split(sep).join('/')
    throw new CommandProblem(
      `${pattern} is a folder; name its documents, such as ${JSON.stringify(example)}.`,
    )
  }
  const found = await glob(pattern, {
    cwd: folder,
    ignore: [...ignore, ...(pattern.includes('node_modules') ? [] : ['**/node_modules/**'])],
    expandDirectories: false,
    absolute: true,
  })
  return found.map((file) => shownPath(folder, resolve(file))).sort()
}

/** With `/` everywhere; what lies outside keeps its whole path. */
function shownPath(folder: string, path: string): string {
  const from = relative(folder, path)
  return (isOutside(from) ? path : from).split(sep).join('/')
}

/** Whether a path that `relative` made leads out of the folder. */
export function isOutside(path: string): boolean {
  return path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)
}

function isWithin(path: string, places: readonly string[]): boolean {
  return places.some((place) => !isOutside(relative(place, path)))
}

/** Reads a document. Throws a `CommandProblem` for what no model can be given. */
export async function readDocument(
  path: string,
  folder: string,
): Promise<{ bytes: Buffer; content: DocumentContent }> {
  let bytes: Buffer
  try {
    bytes = await readFile(resolve(folder, path))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new CommandProblem(`cannot be read${code}`)
  }
  const content = await recognize(bytes)
  switch (content.type) {
    case 'empty':
      throw new CommandProblem('is empty')
    case 'unknown':
      throw new CommandProblem(`is ${content.name}; text, PDFs and pictures can be asked about`)
    case 'text':
    case 'pdf':
    case 'image':
      return { bytes, content }
  }
}
