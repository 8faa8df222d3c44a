import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { rawLines, readLine } from '../../batch/lines.ts'
import { CommandProblem } from '../command-problem.ts'
import type { JobLine } from './job.ts'
import { listed } from './rounds.ts'

/** An input file whose lines are all right. */
export type Input = {
  /** Of everything in it. */
  digest: string
  endpoint: string
  lines: JobLine[]
}

export type InputOptions = {
  /** Undefined: the `url` of the first line. */
  endpoint: string | undefined
  /** The longest line, in bytes. */
  lineLimitBytes: number
}

/** Reads a file of requests from its handle, which must stay open as long as lines are read. Throws a `CommandProblem` that names the wrong lines. */
export async function readInput(
  file: FileHandle,
  path: string,
  { endpoint: asked, lineLimitBytes }: InputOptions,
): Promise<Input> {
  const hash = createHash('sha256')
  const lines: JobLine[] = []
  const problems: string[] = []
  const labels = new Map<string, string>()
  let endpoint = asked
  for await (const { n, at, bytes, content } of rawLines(hashed(file, hash), lineLimitBytes)) {
    const label = `${basename(path)}:${n + 1}`
    if (content === undefined) {
      problems.push(`${label}: longer than ${lineLimitBytes} bytes; BODY_LIMIT_MB allows more`)
      continue
    }
    endpoint ??= urlOf(content) ?? '/v1/chat/completions'
    const line = readLine(content, endpoint)
    if ('code' in line) {
      problems.push(`${label}: ${line.message}`)
      continue
    }
    const id = line.customId
    const first = labels.get(id)
    if (first !== undefined) problems.push(`${label}: its custom_id is the one of ${first}`)
    labels.set(id, label)
    lines.push({ id, label, read: () => range(file, at, bytes) })
  }
  if (problems.length > 0)
    throw new CommandProblem(
      listed(`${path} has lines that cannot be asked; nothing was asked:`, problems),
    )
  if (endpoint === undefined) throw new CommandProblem(`${path} has no lines.`)
  return { digest: hash.digest('hex'), endpoint, lines }
}

/** Opens an input file. Throws a `CommandProblem` when it cannot be read. */
export async function openInput(path: string): Promise<FileHandle> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    if ((await file.stat()).isFile()) return file
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new CommandProblem(`${path} cannot be read${code}.`)
  }
  await file.close()
  throw new CommandProblem(
    `${path} is no file; the input is read more than once, so it must be one.`,
  )
}

const pieceBytes = 1024 * 1024

async function* hashed(
  file: FileHandle,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; ;) {
    const piece = await range(file, at, pieceBytes)
    if (piece.length === 0) return
    hash.update(piece)
    yield piece
    at += piece.length
  }
}

async function range(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const piece = Buffer.alloc(bytes)
  const { bytesRead } = await file.read(piece, 0, bytes, at)
  return piece.subarray(0, bytesRead)
}

function urlOf(content: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(content.toString('utf8').replace(/^\uFEFF/, ''))
    const url: unknown =
      typeof value === 'object' && value !== null ? Reflect.get(value, 'url') : undefined
    return typeof url === 'string' ? url : undefined
  } catch {
    // What is wrong with the line is said where it is read.
    return undefined
  }
}
