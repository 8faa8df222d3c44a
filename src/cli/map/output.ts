import { stat } from 'node:fs/promises'
import { posix, resolve } from 'node:path'
import type { Answers } from '../batch/answers.ts'
import type { Job } from '../batch/job.ts'
import type { JobOutput } from '../batch/job-command.ts'
import { writeWhole } from '../batch/write-whole.ts'
import { CommandProblem } from '../command-problem.ts'
import { mappedDocument, type MappedDocument } from './answer.ts'
import { isOutside, type DocumentContent } from './documents.ts'

/** A document as its line names it. */
export type MapTarget = { id: string; path: string; type: DocumentContent['type'] }

export type MapOutputOptions = {
  /** A `.jsonl` file or a folder, as it was given; undefined: standard output. */
  target: string | undefined
  folder: string
  isJson: boolean
  print: (text: string) => void
}

/** Where `-o` leads: lines of JSON into a `.jsonl` file or standard output, or a file for each document into a folder. */
export function mapOutput(documents: readonly MapTarget[], options: MapOutputOptions): JobOutput {
  const { target, folder } = options
  if (target === undefined) return printed(documents, options)
  const path = resolve(folder, target)
  return isLines(target) ? jsonLines(path, documents, options) : mirrored(path, documents, options)
}

function isLines(target: string): boolean {
  return target.endsWith('.jsonl')
}

function printed(documents: readonly MapTarget[], options: MapOutputOptions): JobOutput {
  return {
    path: undefined,
    existing: () => Promise.resolve(undefined),
    async write(_job, answers) {
      for await (const line of lines(documents, answers, options)) options.print(line)
      return []
    },
  }
}

function jsonLines(
  path: string,
  documents: readonly MapTarget[],
  options: MapOutputOptions,
): JobOutput {
  return {
    path,
    existing: async () => ((await changedMs(path)) === undefined ? undefined : path),
    async write(_job, answers) {
      await writeWhole(path, ended(lines(documents, answers, options)))
      return [`answers: ${options.target ?? path}`]
    },
  }
}

async function* lines(
  documents: readonly MapTarget[],
  answers: Answers,
  options: MapOutputOptions,
): AsyncGenerator<string> {
  for (const document of documents) yield JSON.stringify(await mapped(document, answers, options))
}

async function* ended(texts: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const text of texts) yield `${text}\n`
}

async function mapped(
  { id, path }: MapTarget,
  answers: Answers,
  { isJson }: MapOutputOptions,
): Promise<MappedDocument> {
  const isError = !answers.has(id)
  return mappedDocument(path, await answers.read(id), { isError, isJson })
}

/** Each document's answer under the document's own path. One that was written after the answer came is its reader's, and stays. */
function mirrored(
  path: string,
  documents: readonly MapTarget[],
  options: MapOutputOptions,
): JobOutput {
  const targets = documents.map((document) => {
    const file = resolve(path, targetPath(document, options.isJson))
    return { document, file }
  })
  for (const document of documents) expectPlace(document)
  return {
    path,
    async existing() {
      // Nothing can be put into a file.
      if ((await stat(path).catch(() => undefined))?.isFile()) return path
      for (const { file } of targets) if ((await changedMs(file)) !== undefined) return file
      return undefined
    },
    async write(_job: Job, answers) {
      let kept = 0
      let cut = 0
      for (const { document, file } of targets) {
        const { answer, finish_reason: finish } = await mapped(document, answers, options)
        if (answer === null) continue
        if (finish === 'length') cut += 1
        const written = await changedMs(file)
        const endedMs = answers.find(document.id)?.endedMs ?? 0
        if (written !== undefined && endedMs > 0 && written >= endedMs) kept += 1
        else await writeWhole(file, [textOf(answer)])
      }
      return [
        `answers: ${options.target ?? path}`,
        ...(kept > 0 ? [`${kept} files were there already and are as they were`] : []),
        ...(cut > 0 ? [`${cut} answers were cut at their token limit`] : []),
      ]
    },
  }
}

function textOf(answer: unknown): string {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer, null, 2)
  return text.endsWith('\n') ? text : `${text}\n`
}

/** A text's answer has its name; a PDF's or a picture's is a text, and a value is JSON. */
function targetPath({ path, type }: MapTarget, isJson: boolean): string {
  if (isJson) return `${path}.json`
  return type === 'text' ? path : `${path}.md`
}

function expectPlace({ path }: MapTarget): void {
  if (isOutside(path) || posix.isAbsolute(path))
    throw new CommandProblem(
      `${path} is outside of this folder, so that it has no place in the one of -o; work in a folder that has all documents, or write to -o FILE.jsonl.`,
    )
}

/** When the file was written last, in milliseconds; undefined when there is none. */
async function changedMs(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  )
}
