import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { TurnError } from '../../turn/error.ts'
import { followLinks, isInside } from './follow-links.ts'
import { openRegularFile, readAtMost } from './regular-file.ts'

export type WorkspaceOptions = {
  /** Absolute; need not exist yet. Relative paths of working folders begin at the first. */
  roots: string[]
  /** Folders that stay shut though they lie inside a root: the server's own data, Claude Code's login. */
  forbidden?: string[]
  /** What `~` stands for. */
  home?: string
}

/** What a path inside the workspace leads to, links followed. */
export type Place = { path: string; kind: 'file' | 'folder' | 'other' | 'missing' }

/** The most bytes of a file, and the setting that says so. */
export type SizeLimit = { bytes: number; setting: string }

/** The folders that requests may use. Resolves the links of the folders themselves. */
export async function openWorkspace({
  roots,
  forbidden = [],
  home = homedir(),
}: WorkspaceOptions): Promise<Workspace> {
  return new Workspace(
    await Promise.all(roots.map(real)),
    await Promise.all(forbidden.map(real)),
    home,
  )
}

/**
 * Paths that callers name, made safe. Each `field` is the request field that the error message shall name. Whatever leads
 * outside is the same `forbidden` (403), whether it exists or not; inside, what is missing or of the wrong kind is
 * `invalid_value` (400). A `base` is a folder that the server itself chose or has checked: its inside is always open.
 */
export class Workspace {
  readonly roots: string[]
  readonly #forbidden: string[]
  readonly #home: string

  constructor(roots: string[], forbidden: string[], home: string) {
    this.roots = roots
    this.#forbidden = forbidden
    this.#home = home
  }

  /** The same with other roots, as far as they lie in these. */
  async narrowed(roots: readonly string[]): Promise<Workspace> {
    const places = await Promise.all(roots.map(real))
    const inside = places.filter((path) => this.roots.some((root) => isInside(path, root)))
    return new Workspace(inside, this.#forbidden, this.#home)
  }

  /** An existing folder, links resolved. Relative paths begin at the first root. */
  async folder(path: string, field: string): Promise<string> {
    const place = await this.locate(path, undefined, field)
    if (place.kind === 'folder') return place.path
    throw invalid(
      field,
      `${quote(path)} ${place.kind === 'missing' ? 'does not exist' : 'is not a folder'}.`,
    )
  }

  /** The bytes of a regular file; relative paths begin at `base`. */
  async file(
    path: string,
    base: string,
    field: string,
    limit: number | SizeLimit,
  ): Promise<Buffer> {
    const place = await this.locate(path, base, field)
    if (place.kind !== 'file') throw invalid(field, `${quote(path)} ${shortcoming[place.kind]}.`)
    const file = await openRegularFile(place.path).catch((error: unknown) => {
      throw invalid(field, `${quote(path)} cannot be read by the server.`, error)
    })
    if (!file) throw invalid(field, `${quote(path)} ${shortcoming.other}.`)
    try {
      if (!this.#allows(file.path, base)) throw this.#outside(path, field)
      const { bytes, setting } =
        typeof limit === 'number' ? { bytes: limit, setting: 'FILE_LIMIT_MB' } : limit
      const content = file.bytes > bytes ? undefined : await readAtMost(file.handle, bytes)
      if (content) return content
      throw invalid(
        field,
        `${quote(path)} is larger than ${bytes} bytes, the limit that ${setting} sets.`,
      )
    } finally {
      await file.handle.close()
    }
  }

  /** Where a path leads, which is always inside. Without a base, relative paths begin at the first root. */
  async locate(path: string, base: string | undefined, field: string): Promise<Place> {
    const text = this.#absolute(path, base, field)
    const { path: reached, exists } = await followLinks(text)
    if (!this.#allows(reached, base)) throw this.#outside(path, field)
    if (!exists) return { path: reached, kind: 'missing' }
    return { path: reached, kind: await kindOf(reached) }
  }

  /** Whether a path without links is open to requests. */
  contains(realPath: string): boolean {
    return this.#allows(realPath, undefined)
  }

  #absolute(path: string, base: string | undefined, field: string): string {
    if (path === '') throw invalid(field, 'it is empty. Name a path.')
    if (path.includes('\0')) throw invalid(field, 'it has a NUL character, which no path can have.')
    if (path.length > longestPath) {
      throw invalid(field, `it has ${path.length} characters; a path has at most ${longestPath}.`)
    }
    const expanded = path === '~' || path.startsWith('~/') ? join(this.#home, path.slice(1)) : path
    if (isAbsolute(expanded)) return resolve(expanded)
    const from = base ?? this.roots[0]
    if (from === undefined) throw this.#outside(path, field)
    return resolve(from, expanded)
  }

  #allows(path: string, base: string | undefined): boolean {
    const shut = this.#forbidden.filter((folder) => isInside(path, folder))
    if (shut.length > 0) {
      return (
        base !== undefined && isInside(path, base) && shut.every((folder) => isInside(base, folder))
      )
    }
    return (
      this.roots.some((root) => isInside(path, root)) ||
      (base !== undefined && isInside(path, base))
    )
  }

  #outside(path: string, field: string): TurnError {
    return new TurnError(
      'forbidden',
      `${field}: ${quote(path)} is not inside the folders that requests may use. The server's owner sets them in WORKSPACE_ROOTS.`,
      { param: field },
    )
  }
}

/** Linux's PATH_MAX. */
const longestPath = 4096

const shortcoming = {
  missing: 'does not exist',
  folder: 'is a folder; name a file, or a pattern such as `folder/**`',
  other: 'is not a regular file',
} as const satisfies Record<Exclude<Place['kind'], 'file'>, string>

async function real(path: string): Promise<string> {
  const destination = await followLinks(path)
  return destination.path
}

async function kindOf(path: string): Promise<Place['kind']> {
  try {
    const found = await stat(path)
    if (found.isFile()) return 'file'
    return found.isDirectory() ? 'folder' : 'other'
  } catch {
    // It went away since, or may not be looked at.
    return 'missing'
  }
}

function invalid(field: string, problem: string, cause?: unknown): TurnError {
  return new TurnError('invalid_value', `${field}: ${problem}`, { param: field, cause })
}

/** A path as error messages show it. */
function quote(path: string): string {
  return `'${path.length > 200 ? `${path.slice(0, 200)}…` : path}'`
}
