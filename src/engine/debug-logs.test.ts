import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../test/support/claude.ts'
import { cleanDebugLogs, debugFolder } from './debug-logs.ts'

it('cleanDebugLogs removes what is older, and nothing that is no log', async () => {
  await using folder = await temporaryFolder()
  const debug = debugFolder(folder.path)
  // There is none before the first.
  await cleanDebugLogs(folder.path, 1_000)
  await mkdir(debug)
  for (const [name, seconds] of [
    ['old.log', 1],
    ['new.log', 3],
    ['notes', 1],
  ] as const) {
    await writeFile(join(debug, name), 'x')
    await utimes(join(debug, name), seconds, seconds)
  }
  await cleanDebugLogs(folder.path, 2_000)
  expect((await readdir(debug)).toSorted()).toEqual(['new.log', 'notes'])
})
