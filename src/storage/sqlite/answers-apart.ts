import { existsSync } from 'node:fs'
import type { Database } from '../database.ts'
import { type LastingDatabase, openLasting } from '../lasting.ts'
import type { Answers } from '../parts/answers.ts'
import { createAnswers } from '../queries/answers.ts'
import type { Sealer } from '../sealer.ts'
import { cacheFile, openCache } from './embedded.ts'

/**
 * The cache's answers in an SQLite file of their own, beside the embedded database: they can be lost, so that nothing waits for the disk and the
 * file of what cannot be lost does not grow with them. It is opened at the first use, and made for the first answer.
 */
export function openAnswersApart(
  dataDir: string,
  sealer: Sealer,
): Answers & { close(): Promise<void> } {
  let opening: Promise<LastingDatabase> | undefined
  const database: Database = {
    engine: 'sqlite',
    read: async (work) => (await open()).read(work),
    write: async (work) => (await open()).write(work),
  }
  const answers = createAnswers(database, sealer)

  function open(): Promise<LastingDatabase> {
    const options = { engine: 'sqlite', open: () => openCache(dataDir) } as const
    opening ??= openLasting(options).catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }

  /** Without a file there is no answer, and nobody has to make one to see that. */
  const isThere = (): boolean => opening !== undefined || existsSync(cacheFile(dataDir))
  return {
    find: async (key, nowMs) => (isThere() ? answers.find(key, nowMs) : undefined),
    put: (answer) => answers.put(answer),
    list: async (scope) => (isThere() ? answers.list(scope) : []),
    clear: async (clearing) => (isThere() ? answers.clear(clearing) : 0),
    clearedSince: async (ms) => (isThere() ? answers.clearedSince(ms) : []),
    clean: async (limits) => {
      if (isThere()) await answers.clean(limits)
    },
    async close() {
      const opened = await opening?.catch(() => undefined)
      await opened?.close()
    },
  }
}
