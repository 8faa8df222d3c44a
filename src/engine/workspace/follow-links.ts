import { readlink } from 'node:fs/promises'
import { join, parse, resolve, sep } from 'node:path'

/** Where a path leads: without links, and whether something is there. */
export type Destination = { path: string; exists: boolean }

/** As in the Linux kernel (`path_resolution(7)`). */
const mostLinks = 40

/**
 * Follows every link in an absolute path, like `realpath`, but also says where a path leads at which nothing is: a caller that
 * may learn about one folder only can so be told nothing of the others. For the same reason `..` is taken from the text,
 * never walked. What cannot be looked at counts as absent.
 */
export async function followLinks(path: string): Promise<Destination> {
  const start = divide(resolve(path))
  let reached = start.root
  // The next name is the last one.
  const pending = start.names.toReversed()
  let links = 0
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const next = join(reached, name)
    const found = await lookAt(next)
    if (found === 'missing' || links > mostLinks) {
      return { path: join(next, ...pending.toReversed()), exists: false }
    }
    if (found === 'no link') {
      reached = next
      continue
    }
    links += 1
    const { root, names } = divide(resolve(reached, found.target))
    reached = root
    pending.push(...names.toReversed())
  }
  return { path: reached, exists: true }
}

/** Whether a path is a folder or lies in it. Both absolute, without links. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

function divide(path: string): { root: string; names: string[] } {
  const { root } = parse(path)
  return {
    root,
    names: path
      .slice(root.length)
      .split(sep)
      .filter((name) => name !== ''),
  }
}

async function lookAt(path: string): Promise<'no link' | 'missing' | { target: string }> {
  try {
    return { target: await readlink(path) }
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EINVAL'
      ? 'no link'
      : 'missing'
  }
}
