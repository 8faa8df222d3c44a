import { TurnError } from '../turn/error.ts'
import type { FileBook } from './file-book.ts'

type Json = Record<string, unknown>

export type ExpandOptions = {
  owner: string
  files: Pick<FileBook, 'open'>
  /** The most bytes of one file. */
  limitBytes: number
}

/**
 * The request body with the content of every uploaded file that its messages name (`file_id`), as if it had been sent along. Whoever reads
 * the body afterwards, Claude Code, another API or the cache, needs to know nothing of our files. Undefined when it names none. Throws a
 * `TurnError` that names the field: `invalid_value` for a file that is not there or too large.
 */
export async function expandFileIds(
  body: unknown,
  options: ExpandOptions,
): Promise<Json | undefined> {
  if (!isObject(body) || !Array.isArray(body.messages)) return undefined
  let isChanged = false
  const messages: unknown[] = []
  for (const [index, message] of body.messages.entries()) {
    const expanded = await expandMessage(message, `messages[${index}]`, options)
    isChanged ||= expanded !== message
    messages.push(expanded)
  }
  return isChanged ? { ...body, messages } : undefined
}

async function expandMessage(
  message: unknown,
  field: string,
  options: ExpandOptions,
): Promise<unknown> {
  if (!isObject(message) || !Array.isArray(message.content)) return message
  if (!message.content.some(namesFile)) return message
  const content: unknown[] = []
  for (const [index, part] of message.content.entries()) {
    content.push(
      namesFile(part) ? await expandPart(part, `${field}.content[${index}]`, options) : part,
    )
  }
  return { ...message, content }
}

type FilePart = Json & { file: Json & { file_id: string } }

/** A part with an id and nothing else to say what it holds; an upload that was sent along as well needs no id. */
function namesFile(part: unknown): part is FilePart {
  return (
    isObject(part) &&
    part.type === 'file' &&
    isObject(part.file) &&
    typeof part.file.file_id === 'string' &&
    typeof part.file.file_data !== 'string'
  )
}

async function expandPart(part: FilePart, field: string, options: ExpandOptions): Promise<Json> {
  const { file_id: id, ...rest } = part.file
  const { filename, url } = await sentContent(id, `${field}.file.file_id`, options)
  return { ...part, file: { filename, ...rest, file_data: url } }
}

/** An upload as a `data:` URL. Throws `invalid_value`, which names `param`, for one that is not there or too large. */
export async function sentContent(
  id: string,
  param: string,
  options: ExpandOptions,
): Promise<{ filename: string; url: string }> {
  const { file, content } = await options.files.open(options.owner, id).catch((error: unknown) => {
    const { code } = TurnError.from(error)
    if (code !== 'file_not_found') throw error
    const shown = JSON.stringify(id.slice(0, 100))
    throw new TurnError(
      'invalid_value',
      `${param} is ${shown}, which is no file of yours. Upload it with POST /v1/files, or send its content as \`file_data\`.`,
      { param },
    )
  })
  if (file.bytes > options.limitBytes) {
    throw new TurnError(
      'invalid_value',
      `${param} names a file of ${file.bytes} bytes; in a message it may have ${options.limitBytes}. The owner of this server can raise FILE_LIMIT_MB.`,
      { param },
    )
  }
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(piece)
  const data = Buffer.concat(pieces).toString('base64')
  // Its content says what it is.
  return { filename: file.filename, url: `data:application/octet-stream;base64,${data}` }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
