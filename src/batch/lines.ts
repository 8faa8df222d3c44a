import { isUtf8 } from 'node:buffer'
import type { BatchItem, BatchProblem } from '../storage/parts/batches.ts'

const newline = 0x0a

/** A line of an input file and where it is; `content` is undefined when it is longer than the limit. */
export type RawLine = BatchItem & { content: Buffer | undefined }

/** The lines of a file, with `n` counted from 0; memory holds one at a time. Lines of nothing but white space are left out. */
export async function* rawLines(
  content: AsyncIterable<Uint8Array>,
  longest: number,
): AsyncGenerator<RawLine> {
  let waiting: Uint8Array[] = []
  let n = 0
  let at = 0
  let length = 0
  const end = (): RawLine => {
    const line = {
      n,
      at,
      bytes: length,
      content: length > longest ? undefined : Buffer.concat(waiting),
    }
    at += length + 1
    n += 1
    waiting = []
    length = 0
    return line
  }
  const add = (some: Uint8Array): void => {
    length += some.length
    if (length > longest) waiting = []
    else waiting.push(some)
  }
  for await (const piece of content) {
    let from = 0
    for (let to = piece.indexOf(newline); to !== -1; to = piece.indexOf(newline, from)) {
      add(piece.subarray(from, to))
      from = to + 1
      const line = end()
      if (!isBlank(line)) yield line
    }
    if (from < piece.length) add(piece.subarray(from))
  }
  const last = end()
  if (!isBlank(last)) yield last
}

function isBlank({ content }: RawLine): boolean {
  return (
    content !== undefined && content.every((byte) => byte === 0x20 || (byte >= 9 && byte <= 13))
  )
}

export type Line = { customId: string; body: Record<string, unknown> }

const longestId = 512

/** Reads a line, or says what is wrong with it. */
export function readLine(content: Buffer, endpoint: string): Line | Omit<BatchProblem, 'line'> {
  const value = parse(content)
  if (!isObject(value)) {
    const message = 'The line must be a JSON object in UTF-8, on one line.'
    return { code: 'invalid_json_line', message }
  }
  const { custom_id: id, method, url, body } = value
  if (typeof id !== 'string' || id === '' || id.length > longestId) {
    return problem('custom_id', id, `a string of 1 to ${longestId} characters`)
  }
  if (method !== 'POST') return problem('method', method, '"POST"')
  // Azure's clients leave the version out.
  if (url !== endpoint && `/v1${String(url)}` !== endpoint) {
    const same = `"${endpoint}", the \`endpoint\` of the batch`
    return problem('url', url, same, 'mismatched_endpoint')
  }
  if (!isObject(body)) return problem('body', body, 'an object: the request')
  if (body.stream === true) return problem('body.stream', true, 'absent or false: nobody reads it')
  return { customId: id, body }
}

function problem(
  param: string,
  got: unknown,
  wanted: string,
  code = 'invalid_value',
): Omit<BatchProblem, 'line'> {
  if (got === undefined) {
    const message = `${param} is missing; it must be ${wanted}.`
    return { code: 'missing_required_parameter', message, param }
  }
  const shown = JSON.stringify(got).slice(0, 100)
  return { code, message: `${param} must be ${wanted}; got ${shown}.`, param }
}

function parse(content: Buffer): unknown {
  if (!isUtf8(content)) return undefined
  try {
    // A mark at the start of a file says how it is written and is no part of it.
    return JSON.parse(content.toString('utf8').replace(/^\uFEFF/, ''))
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
