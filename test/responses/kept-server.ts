import { afterEach, beforeEach } from 'vitest'
import { ResponseBook } from '../../src/responses/response-book.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { says, type Script, serve, type TestOptions, type TestServer } from '../http/server.ts'
import { temporaryFolder } from '../support/claude.ts'

export type KeptOptions = TestOptions & { keepMs?: number; now?: () => number }

/** Servers that keep responses in a folder of each test's own; a new one takes the place of the one before. */
export function keptServers(
  defaultScript: Script = (_turn, _context, run) => says(`Answer ${run}.`),
) {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let store: Store
  let server: TestServer | undefined
  beforeEach(async () => {
    folder = await temporaryFolder()
    store = await openStore({ dataDir: folder.path })
  })
  afterEach(async () => {
    await server?.close()
    server = undefined
    await store.close()
    await folder[Symbol.asyncDispose]()
  })
  return {
    get store(): Store {
      return store
    },
    /** As after a restart. */
    async reopen(): Promise<void> {
      await store.close()
      store = await openStore({ dataDir: folder.path })
    },
    async start(script: Script = defaultScript, options: KeptOptions = {}): Promise<TestServer> {
      await server?.close()
      const { keepMs = 24 * 3_600_000, now, ...http } = options
      const storage = Promise.resolve(store)
      const responses = new ResponseBook({ storage, keepMs, ...(now && { now }) })
      server = await serve(script, { responses, ...http })
      return server
    },
  }
}

/** What the backend was told, one line a message. */
export function told({ backend }: TestServer, run = -1): string[] {
  const { turn } = backend.runs.at(run) ?? { turn: { messages: [] } }
  return turn.messages.map(
    ({ role, content }) =>
      `${role}: ${content.map((part) => (part.type === 'text' ? part.text : part.type)).join(' + ')}`,
  )
}
