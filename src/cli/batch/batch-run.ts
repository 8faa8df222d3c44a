import { createHash } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { basename, format, parse, resolve } from 'node:path'
import type { ConfigSources } from '../../config/read.ts'
import { CommandProblem } from '../command-problem.ts'
import type { Console } from '../console.ts'
import { readOwnFlags } from '../own-flags.ts'
import type { Answers } from './answers.ts'
import { openInput, readInput } from './input.ts'
import type { Job } from './job.ts'
import { configOf, jobFlags, type JobOutput, runJobCommand, told } from './job-command.ts'
import type { StartServer } from './reach-server.ts'
import { writeWhole } from './write-whole.ts'

const usage = `Usage:
  claude-code-api batch run INPUT.jsonl -o OUTPUT.jsonl [--endpoint /v1/…] [--url http://…] [--fresh | --cancel]

Has every line of a file of OpenAI's batch API answered. The same command goes on where it was stopped; docs/batches.md says more.`

/** `batch run`: a file of requests in, a file of answers out. Returns the exit status. */
export function batch(
  args: readonly string[],
  sources: ConfigSources,
  { console, startServer }: { console: Console; startServer: StartServer },
): Promise<number> {
  return told(console, async () => {
    const flags = { ...jobFlags, endpoint: { type: 'string' } } as const
    const { words, values, settings } = readOwnFlags(args, flags)
    const [action, input, ...others] = words
    const { output: target } = values
    const isWhole = action === 'run' && input !== undefined && target !== undefined
    if (!isWhole || others.length > 0) throw new CommandProblem(usage)
    const config = configOf(sources, settings)
    await using file = await openInput(input)
    const { bodyLimitBytes: lineLimitBytes } = config.http
    const { digest, endpoint, lines } = await readInput(file, input, {
      endpoint: values.endpoint,
      lineLimitBytes,
    })
    const path = resolve(target)
    if (path === resolve(input)) throw new CommandProblem('-o names the input itself.')
    const identity = JSON.stringify(['batch run', digest, endpoint, path])
    const job: Job = {
      digest: createHash('sha256').update(identity).digest('hex'),
      endpoint,
      filename: basename(input),
      lines,
    }
    return await runJobCommand(
      config,
      { job, output: outputFiles(path, target) },
      {
        console,
        startServer,
        url: values.url,
        isFresh: values.fresh !== undefined,
        isCancel: values.cancel !== undefined,
      },
    )
  })
}

/** Answers in one file, the failures of the others beside it, both in the order of the input. */
function outputFiles(path: string, shown: string): JobOutput {
  const errors = errorsBeside(path)
  return {
    path,
    async existing() {
      for (const file of [path, errors]) if (await isThere(file)) return file
      return undefined
    },
    async write(job, answers) {
      await writeWhole(path, linesOf(job, answers, false))
      const hasErrors = job.lines.some(({ id }) => answers.find(id)?.isError === true)
      if (hasErrors) await writeWhole(errors, linesOf(job, answers, true))
      else await rm(errors, { force: true })
      const said = [`answers: ${shown}`]
      return hasErrors ? [...said, `the others: ${errorsBeside(shown)}`] : said
    },
  }
}

/** `out.errors.jsonl` for `out.jsonl`. */
function errorsBeside(path: string): string {
  const { dir, name, ext } = parse(path)
  return format({ dir, name: `${name}.errors`, ext })
}

async function* linesOf(job: Job, answers: Answers, isError: boolean): AsyncGenerator<Uint8Array> {
  for (const { id } of job.lines) {
    if (answers.find(id)?.isError !== isError) continue
    const line = await answers.read(id)
    if (line !== undefined) yield Buffer.concat([line, Buffer.from('\n')])
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
