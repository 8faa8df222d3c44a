import { createServer } from 'node:http'
import { processConsole } from '../../src/cli/console.ts'
import { serve } from '../../src/cli/serve.ts'
import { processEnvironment } from '../../src/config/env.ts'
import { TurnError } from '../../src/turn/error.ts'

// The serve command around a server that only listens. SCRIPT says what else it does.
const script = processEnvironment()['SCRIPT']

process.exitCode = await serve(
  { env: processEnvironment() },
  {
    console: processConsole,
    async startServer(config) {
      if (script === 'too-old')
        throw new TurnError('claude_not_installed', 'Claude Code 1 is too old.')
      if (script === 'fault') throw new Error('a fault with very-secret')
      const server = createServer()
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(config.http.port, config.http.host, resolve)
      })
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : undefined
      return {
        url: `http://${config.http.host}:${port}`,
        needsKey: config.http.apiKey !== undefined,
        async close() {
          if (script === 'stuck') await new Promise(() => {})
          server.close()
        },
      }
    },
  },
)
