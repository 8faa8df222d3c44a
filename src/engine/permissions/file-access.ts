import type { ToolUse } from './coverage.ts'
import { runLaterName } from './forbidden.ts'
import { absolutePath, isWithin, realPath } from './real-path.ts'
import { offeredTool } from './tools.ts'

/** Where file tools may work. Absolute paths; links are resolved here. */
export type FilePlace = {
  cwd: string
  addDirs: readonly string[]
  /** Refused even inside a working folder. */
  forbidden: readonly string[]
  /** The server's own folder for this caller: the one place that stays open inside a forbidden one. */
  ownFolder?: string
  home: string
}

/** The paths that a use of a file tool is about, links resolved. Throws when they cannot be told. */
export async function pathsOf(use: ToolUse, place: FilePlace): Promise<string[]> {
  const tool = offeredTool(use.tool)
  if (tool?.content !== 'path') return []
  const given = tool.input.map((field) => textOf(use, field))
  if (use.tool === 'Glob') return [await realPath(globRoot(given[1] ?? '', given[0] ?? '.', place))]
  if (use.tool === 'Grep') return [await realPath(absolutePath(given[0] ?? '.', place))]
  if (given[0] === undefined) throw new Error(`${tool.input[0]} is missing`)
  return [await realPath(absolutePath(given[0], place))]
}

/** Why a path must not be touched, or nothing. */
export async function pathRefusal(
  path: string,
  use: ToolUse,
  place: FilePlace,
  resultsFolder: string | undefined,
): Promise<string | undefined> {
  const writes = offeredTool(use.tool)?.writes ?? false
  // Claude Code keeps long results of this session's own tools here, and tells the model to read them.
  if (!writes && resultsFolder !== undefined && isWithin(path, await realPath(resultsFolder)))
    return undefined
  const folders = await Promise.all([place.cwd, ...place.addDirs].map((folder) => realPath(folder)))
  const folder = folders.find((candidate) => isWithin(path, candidate))
  if (folder === undefined)
    return `${path} is outside the folders of this request (${folders.join(', ')})`
  if (await isForbidden(path, place)) return `${path} is kept from every tool by this server`
  const name = writes ? runLaterName(path) : undefined
  return name === undefined
    ? undefined
    : `${name} is never written to by tools here, because other programs run what is in it`
}

/** Whether a path lies in a forbidden place; letter case is no way around it. */
export async function isForbidden(path: string, place: FilePlace): Promise<boolean> {
  const own = place.ownFolder === undefined ? undefined : await realPath(place.ownFolder)
  if (own !== undefined && isWithin(path, own)) return false
  const lower = path.toLowerCase()
  for (const forbidden of place.forbidden) {
    if (isWithin(lower, forbidden.toLowerCase())) return true
    const real = await realPath(forbidden)
    if (isWithin(lower, real.toLowerCase())) return true
  }
  return false
}

/** The folder in which a Glob begins: its path and the part of its pattern before the first wildcard. */
function globRoot(pattern: string, path: string, place: FilePlace): string {
  if (pattern.includes('..')) throw new Error('a pattern must not have ".."')
  const base = absolutePath(path, place)
  const plain = pattern.split('/').slice(0, -1)
  const wild = plain.findIndex((name) => /[*?[\]{}!()\\]/.test(name))
  const fixed = (wild === -1 ? plain : plain.slice(0, wild)).join('/')
  if (fixed === '') return pattern.startsWith('/') ? '/' : base
  return absolutePath(fixed, { cwd: base, home: place.home })
}

function textOf(use: ToolUse, field: string): string | undefined {
  const value = use.input[field]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new Error(`${field} is not a text`)
  return value
}
