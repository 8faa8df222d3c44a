/**
 * Shows the server at work with no account and no internet: the built server and the real claude binary, through the official
 * OpenAI client, with a scripted Messages API on loopback in the model's place. Ends what it started; exit status 0 when every
 * step went well.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import OpenAI from 'openai'
import { startScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { startBuiltServer } from './built-server.ts'
import { runDemo, tell } from './run-demo.ts'
import { fileTools, plainAnswer, streamedAnswer } from './steps.ts'

/** How long one request may take, in milliseconds; a cold machine needs a few seconds. */
const requestMs = 60_000

const write = (text: string): void => void process.stdout.write(text)

async function demonstrate(interrupted: Promise<never>): Promise<void> {
  tell('Claude Code as an OpenAI-compatible API: a demonstration')
  tell()
  tell('Real:     the server, the claude binary, the official OpenAI client.')
  tell(
    "Scripted: the model. A stand-in for Anthropic's API on this machine says what is written in",
  )
  tell('          this demonstration. No account is used, and nothing leaves this machine.')
  tell()
  await using folder = await temporaryFolder()
  const workspace = join(folder.path, 'workspace')
  const configDir = join(folder.path, 'config')
  await Promise.all([workspace, configDir].map((path) => mkdir(path)))
  await using anthropic = await startScriptedAnthropic()
  tell(`The scripted model listens on ${anthropic.url}`)
  await using server = await startBuiltServer(
    {
      ...claudeEnvironment(anthropic.url, configDir),
      DATA_DIR: join(folder.path, 'data'),
      WORKSPACE_ROOTS: workspace,
    },
    folder.path,
  )
  tell(`The server listens on          ${server.url}`)
  const client = new OpenAI({
    baseURL: `${server.url}/v1`,
    apiKey: 'not-needed-here',
    timeout: requestMs,
    maxRetries: 0,
  })
  for (const step of [plainAnswer, streamedAnswer, fileTools]) {
    tell()
    await Promise.race([step({ client, anthropic, workspace, tell, write }), interrupted])
  }
  tell()
  await server.stop()
  tell('The server was asked to end, and did. Everything that was started has ended.')
  tell(
    'The demonstration worked. With a login or a key of your own, `npm start` does this for real.',
  )
}

await runDemo(demonstrate)
