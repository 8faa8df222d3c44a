import { afterEach, expect } from 'vitest'
import { type Script, serve, type TestOptions, type TestServer } from './server.ts'

/** The server of each test of a file; it ends with its test. */
export function oneServer() {
  let server: TestServer | undefined
  const close = async (): Promise<void> => {
    await server?.close()
    server = undefined
  }
  afterEach(close)
  return {
    close,
    start: async (script: Script, options?: TestOptions): Promise<TestServer> => {
      server = await serve(script, options)
      return server
    },
    /** The one that was started. */
    running: (): TestServer => server ?? expect.fail('No server was started.'),
  }
}
