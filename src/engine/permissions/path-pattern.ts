import { posix, sep } from 'node:path'

/** What a path pattern is relative to. Absolute paths, links resolved. */
export type PatternBase = { cwd: string; home: string }

/**
 * Whether a path rule covers a path, by Claude Code's reading of gitignore: `src/**` and `./src/**` from the working folder,
 * `*.md` at any depth, `~/notes/**` from the home folder, `//etc/hosts` from the root; a folder covers what is in it.
 */
export function matchesPath(pattern: string, path: string, base: PatternBase): boolean {
  const { folder, relative, anchored } = anchor(pattern, base)
  const inside = posix.relative(slashes(folder), slashes(path))
  if (inside === '..' || inside.startsWith('../')) return false
  return new RegExp(`^${anchored ? '' : '(?:.*/)?'}${toSource(relative)}(?:/.*)?$`, 's').test(
    inside,
  )
}

function anchor(
  pattern: string,
  { cwd, home }: PatternBase,
): { folder: string; relative: string; anchored: boolean } {
  if (pattern.startsWith('//')) return { folder: '/', relative: pattern.slice(2), anchored: true }
  if (pattern.startsWith('~/')) return { folder: home, relative: pattern.slice(2), anchored: true }
  if (/^\.?\//.test(pattern))
    return { folder: cwd, relative: pattern.replace(/^\.?\//, ''), anchored: true }
  return { folder: cwd, relative: pattern, anchored: pattern.replace(/\/$/, '').includes('/') }
}

function toSource(pattern: string): string {
  const pieces = pattern.replace(/\/$/, '').match(/\*\*\/|\/\*\*$|\*+|\?|[^*?/]+|\//g) ?? []
  return pieces.map(pieceSource).join('')
}

function pieceSource(piece: string): string {
  if (piece === '**/') return '(?:.*/)?'
  if (piece === '/**') return '/.+'
  if (piece === '**') return '.*'
  if (piece.startsWith('*')) return '[^/]*'
  if (piece === '?') return '[^/]'
  return piece.replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
}

function slashes(path: string): string {
  return sep === '/' ? path : path.split(sep).join('/')
}
