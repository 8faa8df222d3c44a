import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { failure, ok, warning, type Finding } from './check.ts'

/** What Claude Code's sandbox needs on Linux, and the package that brings it. */
const needs = { bwrap: 'bubblewrap', socat: 'socat', rg: 'ripgrep' }

/** The programs that the sandbox of tools needs are on PATH. */
export function checkSandbox(options: {
  sandbox: 'auto' | 'required' | 'off'
  platform: string
  searchPath: string
}): Finding {
  if (options.sandbox === 'off') return ok('sandbox', 'off: commands of tools run without one')
  if (options.platform === 'darwin') return ok('sandbox', 'macOS has one built in')
  if (options.platform !== 'linux') {
    return missing(options.sandbox, 'this system has none', 'Use WSL 2, or set SANDBOX=off.')
  }
  const absent = Object.entries(needs).filter(([program]) => !isOnPath(program, options.searchPath))
  if (absent.length === 0) return ok('sandbox', `${Object.keys(needs).join(', ')} are installed`)
  return missing(
    options.sandbox,
    `${absent.map(([program]) => program).join(', ')} not found`,
    `Install ${absent.map(([, name]) => name).join(', ')} with your package manager, or set SANDBOX=off.`,
  )
}

function missing(sandbox: 'auto' | 'required', message: string, advice: string): Finding {
  return sandbox === 'required'
    ? failure('sandbox', `${message}, and SANDBOX=required`, advice)
    : warning('sandbox', `${message}; requests cannot use the Bash tool`, advice)
}

function isOnPath(program: string, searchPath: string): boolean {
  return searchPath.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return folder !== ''
    } catch {
      // Not in this folder.
      return false
    }
  })
}
