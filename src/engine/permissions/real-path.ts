import { lstat, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'

const mostLinks = 40

/**
 * Where a path really leads, also when it does not exist yet: links of its nearest existing ancestor are followed, and so is
 * a link whose target is missing, because writing to it would create the target. Throws what the file system throws.
 */
export async function realPath(path: string, links = 0): Promise<string> {
  if (links > mostLinks) throw new Error('too many links')
  try {
    return await realpath(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  const target = await linkTarget(path)
  if (target !== undefined)
    return realPath(resolve(await realPath(dirname(path), links + 1), target), links + 1)
  const parent = dirname(path)
  return parent === path ? path : join(await realPath(parent, links), basename(path))
}

/** A path as a tool's input writes it, made absolute; `~` is the home folder, as Claude Code reads it. */
export function absolutePath(path: string, base: { cwd: string; home: string }): string {
  if (path === '~' || path.startsWith('~/') || path.startsWith(`~${sep}`))
    return join(base.home, path.slice(1))
  return resolve(base.cwd, path)
}

/** Whether a path is a folder or lies in it; both real paths. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    const status = await lstat(path)
    return status.isSymbolicLink() ? await readlink(path) : undefined
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
