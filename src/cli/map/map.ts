import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ConfigSources } from '../../config/read.ts'
import type { Job, JobLine } from '../batch/job.ts'
import { configOf, jobFlags, runJobCommand, told } from '../batch/job-command.ts'
import type { StartServer } from '../batch/reach-server.ts'
import { listed } from '../batch/rounds.ts'
import { CommandProblem } from '../command-problem.ts'
import type { Console } from '../console.ts'
import { readOwnFlags } from '../own-flags.ts'
import { findDocuments, readDocument } from './documents.ts'
import { mapOutput, type MapTarget } from './output.ts'
import { lineId, mapEndpoint, mapLine, type MapQuestion } from './request.ts'

const usage = `Usage:
  claude-code-api map PATTERN… --prompt TEXT [-o FOLDER | -o FILE.jsonl] [--model NAME] [--system TEXT] [--schema FILE.json]
                      [--prompt-file FILE] [--body JSON] [--url http://…] [--dry-run | --fresh | --cancel]

Asks one question about each of many documents, such as
  claude-code-api map 'docs/**/*.md' --prompt 'Summarize this in two sentences.' -o summaries
The same command goes on where it was stopped; docs/batches.md says more.`

const flags = {
  ...jobFlags,
  prompt: { type: 'string' },
  'prompt-file': { type: 'string' },
  model: { type: 'string' },
  system: { type: 'string' },
  schema: { type: 'string' },
  body: { type: 'string' },
  'dry-run': { type: 'boolean' },
} as const

type Values = Partial<Record<keyof typeof flags, string>>

/** `map`: one question about each of many documents. Returns the exit status. */
export function map(
  args: readonly string[],
  sources: ConfigSources,
  { console, startServer, folder }: { console: Console; startServer: StartServer; folder: string },
): Promise<number> {
  return told(console, async () => {
    const { words: patterns, values, settings } = readOwnFlags(args, flags)
    const prompt = await promptOf(values)
    if (patterns.length === 0 || prompt === undefined) throw new CommandProblem(usage)
    const config = configOf(sources, settings)
    const question = await questionOf(values, prompt)
    const { output: target } = values
    const place = target === undefined ? undefined : resolve(folder, target)
    const paths = await findDocuments(patterns, {
      folder,
      except: place === undefined ? [] : [place],
    })
    const limitBytes = config.http.bodyLimitBytes
    const { lines, targets } = await readAll(paths, question, { folder, limitBytes })
    const isJson = question.schema !== undefined
    const print = (text: string): void => console.out(text)
    const output = mapOutput(targets, { target, folder, isJson, print })
    if (values['dry-run'] !== undefined) return dryRun(lines, console)
    const identity = JSON.stringify(['map', folder, question, place ?? null])
    const job: Job = {
      digest: createHash('sha256').update(identity).digest('hex'),
      endpoint: mapEndpoint,
      filename: 'documents.jsonl',
      lines,
    }
    return runJobCommand(
      config,
      { job, output },
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

async function promptOf({ prompt, 'prompt-file': file }: Values): Promise<string | undefined> {
  if (prompt !== undefined && file !== undefined)
    throw new CommandProblem('--prompt and --prompt-file are both given; one of them is enough.')
  return file === undefined ? prompt : textIn(file, '--prompt-file')
}

async function questionOf(
  { model, system, schema, body }: Values,
  prompt: string,
): Promise<MapQuestion> {
  return {
    prompt,
    model: model ?? 'claude-code',
    ...(system !== undefined && { system }),
    ...(schema !== undefined && {
      schema: objectIn(await textIn(schema, '--schema'), `${schema} (--schema)`),
    }),
    body: body === undefined ? {} : objectIn(body, '--body'),
  }
}

async function textIn(file: string, flag: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new CommandProblem(`${file} (${flag}) cannot be read${code}.`)
  }
}

function objectIn(text: string, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return Object.fromEntries(Object.entries(value))
  } catch {
    // Said below.
  }
  throw new CommandProblem(`${name} is not a JSON object.`)
}

/** Looks at every document, so that one that cannot be asked about is known before anything is. */
async function readAll(
  paths: readonly string[],
  question: MapQuestion,
  { folder, limitBytes }: { folder: string; limitBytes: number },
): Promise<{ lines: JobLine[]; targets: MapTarget[] }> {
  const lines: JobLine[] = []
  const targets: MapTarget[] = []
  const problems: string[] = []
  for (const path of paths) {
    try {
      const { bytes, content } = await readDocument(path, folder)
      const id = lineId(path, bytes)
      const { length } = mapLine(id, { path, bytes, content }, question)
      if (length > limitBytes)
        throw new CommandProblem(
          `is too large: its request has ${length} bytes, and BODY_LIMIT_MB allows ${limitBytes}`,
        )
      targets.push({ id, path, type: content.type })
      lines.push({ id, label: path, read: () => readAgain(id, path, folder, question) })
    } catch (error) {
      if (!(error instanceof CommandProblem)) throw error
      problems.push(`${path} ${error.message}`)
    }
  }
  if (problems.length === 0) return { lines, targets }
  const heading =
    'Some documents cannot be asked about (a pattern with `!` leaves them out); nothing was asked:'
  throw new CommandProblem(listed(heading, problems))
}

async function readAgain(
  id: string,
  path: string,
  folder: string,
  question: MapQuestion,
): Promise<Buffer> {
  const { bytes, content } = await readDocument(path, folder)
  if (lineId(path, bytes) !== id)
    throw new CommandProblem(`${path} was changed in the meantime; run the command again.`)
  return mapLine(id, { path, bytes, content }, question)
}

/** Prints what would be sent, as the input file of a batch. */
async function dryRun(lines: readonly JobLine[], console: Console): Promise<number> {
  let bytes = 0
  for (const line of lines) {
    const content = Buffer.from(await line.read())
    bytes += content.length
    console.out(content.toString('utf8'))
  }
  console.err(`${lines.length} requests, ${bytes} bytes; nothing was asked.`)
  return 0
}
