import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { disposal } from '../../src/lib/disposal.ts'
import { startBuiltCommand } from '../api/server/built-server.ts'
import { until } from '../api/server/support.ts'
import {
  conversation,
  fails,
  says,
  type RecordedRequest,
  type ScriptedAnthropic,
  startScriptedAnthropic,
} from '../scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../support/claude.ts'
import { leftOver, processesWith } from '../support/leaks.ts'

/** A folder in which somebody works with the built program, and a scripted model behind it. */
export interface Desk extends AsyncDisposable {
  readonly folder: string
  readonly anthropic: ScriptedAnthropic
  /** The questions that the model was asked, in order. */
  questions(): string[]
  write(name: string, content: string | Uint8Array): Promise<void>
  read(name: string): Promise<string>
  /** The JSON lines of a file. */
  lines<Line>(name: string): Promise<Line[]>
  start(
    args: readonly string[],
    settings?: Record<string, string>,
  ): ReturnType<typeof startBuiltCommand>
  /** Runs it to its end. */
  run(args: readonly string[], settings?: Record<string, string>): Promise<Finished>
}

export type Finished = { status: number | null; out: string; err: string }

/** Answers `Answer to <question>.`; a question with `wrong` in it is a mistake of the caller's. */
export function answering(request: RecordedRequest): ReturnType<typeof says> {
  const question = questionOf(request)
  if (question.includes('wrong')) return fails(400, 'invalid_request_error', 'This is wrong.')
  return answered(question)
}

export function answered(question: string): ReturnType<typeof says> {
  return says(`Answer to ${question}.`)
}

export function questionOf(request: RecordedRequest): string {
  return /Question [\w-]+/.exec(JSON.stringify(conversation(request)))?.[0] ?? ''
}

export async function startDesk(): Promise<Desk> {
  const parts = disposal()
  const folder = parts.use(await temporaryFolder()).path
  const config = parts.use(await temporaryFolder()).path
  const anthropic = parts.use(await startScriptedAnthropic())
  anthropic.respond = answering
  parts.defer(async () => {
    const left = await leftOver(() => processesWith(`CLAUDE_CONFIG_DIR=${config}`))
    for (const { pid } of left) process.kill(pid, 'SIGKILL')
    if (left.length > 0) throw new Error(`Processes outlived the command: ${JSON.stringify(left)}`)
  })
  const start: Desk['start'] = (args, settings = {}) =>
    startBuiltCommand(args, {
      folder,
      env: {
        ...claudeEnvironment(anthropic.url, config),
        PORT: '0',
        DATA_DIR: join(config, 'data'),
        WAITING_PROCESSES: '0',
        CLAUDE_CODE_MAX_RETRIES: '0',
        ...settings,
      },
    })
  return {
    folder,
    anthropic,
    start,
    questions: () => anthropic.requests.map(questionOf),
    write: (name, content) => writeFile(join(folder, name), content),
    read: (name) => readFile(join(folder, name), 'utf8'),
    async lines<Line>(name: string) {
      const text = await readFile(join(folder, name), 'utf8')
      return text
        .split('\n')
        .slice(0, -1)
        .map((line): Line => JSON.parse(line))
    },
    async run(args, settings) {
      const { said, ended } = await start(args, settings)
      const { status } = await ended
      return { status, ...said }
    },
    [Symbol.asyncDispose]: () => parts.dispose(),
  }
}

/** Waits until the command is over, and stops it when it takes too long. */
export async function stopOnce(
  command: Awaited<ReturnType<typeof startBuiltCommand>>,
  what: string,
  condition: () => boolean,
): Promise<Finished> {
  await until(what, condition, 60_000)
  command.child.kill('SIGINT')
  const { status } = await command.ended
  return { status, ...command.said }
}
