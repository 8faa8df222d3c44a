import type { Dirent } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { matchesName, parseName, type NamePattern } from './name-pattern.ts'

export type GlobLimits = {
  /** The most files that a pattern may find. */
  files: number
  /** The most entries of folders that are looked at. */
  entries: number
}

export type GlobResult = { files: string[] } | { tooMany: keyof GlobLimits }

/** One name of a pattern, or `**`: any number of folders. */
type Step = NamePattern | 'any folders'

/**
 * The regular files in a folder that a pattern matches, as sorted paths relative to it. `*`, `?`, `[…]` stand for characters
 * of one name, `**` for any folders. Names that begin with a dot match only where the pattern says the dot. Links are
 * neither followed nor found. The pattern comes from a caller, so the time a match takes grows with the length of the
 * name, never with a power of it, and both limits end the search at once.
 */
export async function glob(
  pattern: string,
  folder: string,
  limits: GlobLimits,
  signal: AbortSignal,
): Promise<GlobResult> {
  const steps = pattern
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .map(parseStep)
  const files: string[] = []
  const pending: { path: string; states: number[] }[] = [{ path: '', states: closure(steps, [0]) }]
  let seen = 0
  for (let here = pending.pop(); here !== undefined; here = pending.pop()) {
    for await (const entry of entriesOf(join(folder, here.path))) {
      signal.throwIfAborted()
      seen += 1
      if (seen > limits.entries) return { tooMany: 'entries' }
      const states = advance(steps, here.states, entry.name)
      const path = here.path === '' ? entry.name : `${here.path}/${entry.name}`
      if (entry.isDirectory()) {
        const deeper = states.filter((state) => state < steps.length)
        if (deeper.length > 0) pending.push({ path, states: deeper })
      } else if (entry.isFile() && states.includes(steps.length)) {
        files.push(path)
        if (files.length > limits.files) return { tooMany: 'files' }
      }
    }
  }
  return { files: files.sort() }
}

function parseStep(name: string): Step {
  return name === '**' ? 'any folders' : parseName(name)
}

/** A state is how many steps are done. `**` may also stand for no folder: the step after it counts as reached too. */
function closure(steps: Step[], states: number[]): number[] {
  const all = new Set<number>()
  for (const state of states) {
    let reached = state
    all.add(reached)
    while (steps[reached] === 'any folders' && reached < steps.length - 1) all.add(++reached)
  }
  return [...all]
}

/** The states after one more name. */
function advance(steps: Step[], states: number[], name: string): number[] {
  const next = states.flatMap((state) => {
    const step = steps[state]
    if (step === undefined) return []
    if (step !== 'any folders') return matchesName(step, name) ? [state + 1] : []
    if (name.startsWith('.')) return []
    return state === steps.length - 1 ? [state, state + 1] : [state]
  })
  return closure(steps, next)
}

/** What lies in a folder; nothing when it may not be read or went away. */
async function* entriesOf(path: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(path)
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
  }
}
