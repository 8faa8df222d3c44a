import { afterEach, beforeEach } from 'vitest'
import { ResponseBook } from '../../src/responses/response-book.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { says, type Script, serve, type TestOptions, type TestServer } from '../http/server.ts'
import { temporaryFolder } from '../support/claude.ts'

export type KeptOptions = TestOptions & { keepMs?: number; now?: () => number }

/** Servers that keep responses in a folder of each test's own; `start` ends those before. */
export function keptServers(
  defaultScript: Script = (_turn, _context, run) => says(`Answer ${run}.`),
) {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let store: Store
  let servers: TestServer[] = []
  beforeEach(async () => {
    folder = await temporaryFolder()
    store = await openStore({ dataDir: folder.path })
  })
  afterEach(async () => {
    await closeAll()
    await store.close()
    await folder[Symbol.asyncDispose]()
  })
  const closeAll = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()))
    servers = []
  }
  /** One more that shares the store with those that are there, as another node does. */
  const beside = async (script = defaultScript, options: KeptOptions = {}): Promise<TestServer> => {
    const { keepMs = 24 * 3_600_000, now, ...http } = options
    const storage = Promise.resolve(store)
    const responses = new ResponseBook({ storage, keepMs, ...(now && { now }) })
    const server = await serve(script, { responses, ...http })
    servers.push(server)
    return server
  }
  const start = async (script?: Script, options?: KeptOptions): Promise<TestServer> => {
    await closeAll()
    return beside(script, options)
  }
  return {
    beside,
    get store(): Store {
      return store
    },
    /** As after a restart. */
    async reopen(): Promise<void> {
      await store.close()
      store = await openStore({ dataDir: folder.path })
    },
    start,
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
