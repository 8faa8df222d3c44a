import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { failure, ok, warning, type Finding } from './check.ts'

/** Each folder in which requests may work exists and can be read. */
export function checkWorkspaces(roots: readonly string[]): Finding[] {
  return roots.map((root) =>
    isUsable(root, constants.R_OK | constants.X_OK)
      ? ok('workspace', `requests may work in ${root}`)
      : warning(
          'workspace',
          `${root} is not a folder that can be read`,
          'Create it, or correct WORKSPACE_ROOTS.',
        ),
  )
}

/** The server can keep its files: the folder can be written, or can be made. */
export function checkDataFolder(folder: string): Finding {
  const nearest = existing(folder)
  if (!isUsable(nearest, constants.W_OK | constants.X_OK)) {
    return failure(
      'data',
      `${nearest === folder ? folder : `${folder} cannot be made: ${nearest}`} is not a folder that can be written`,
      'Correct its rights, or set DATA_DIR to another.',
    )
  }
  return ok('data', nearest === folder ? `data goes to ${folder}` : `data will go to ${folder}`)
}

function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder))
}

function isUsable(folder: string, mode: number): boolean {
  try {
    accessSync(folder, mode)
    return statSync(folder).isDirectory()
  } catch {
    // Missing or not ours: the same to the caller.
    return false
  }
}
