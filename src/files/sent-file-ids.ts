import type { ClaudeOptions } from '../turn/claude-options.ts'
import type { SentContent } from './sent-content.ts'

type Json = Record<string, unknown>

/**
 * The request body with the content of every uploaded file that its messages name (`file_id`), as if it had been sent along. Whoever reads
 * the body afterwards, Claude Code, another API or the cache, needs to know nothing of our files. Undefined when it names none. Throws what
 * `SentContent` throws.
 */
export async function expandFileIds(
  body: unknown,
  content: SentContent,
): Promise<Json | undefined> {
  if (!isObject(body) || !Array.isArray(body.messages)) return undefined
  let isChanged = false
  const messages: unknown[] = []
  for (const [index, message] of body.messages.entries()) {
    const expanded = await expandMessage(message, `messages[${index}]`, content)
    isChanged ||= expanded !== message
    messages.push(expanded)
  }
  return isChanged ? { ...body, messages } : undefined
}

/** Whether a body has messages made of parts, of which one could name a file: nearly no other body need be walked. */
export function hasParts(body: unknown): boolean {
  return (
    isObject(body) &&
    Array.isArray(body.messages) &&
    body.messages.some((message) => isObject(message) && Array.isArray(message.content))
  )
}

/** Whether `claude_options` name an uploaded file. */
export function optionsNameFiles({ files, images }: ClaudeOptions): boolean {
  return files.some(isFileId) || images.some(isFileId)
}

/** `claude_options` with the content of every uploaded file in the place of its id; the same object when they name none. Throws likewise. */
export async function expandOptionFiles(
  claude: ClaudeOptions,
  content: SentContent,
): Promise<ClaudeOptions> {
  const { files, images } = claude
  if (!optionsNameFiles(claude)) return claude
  const read = (id: string, field: string) => content.read(id, field, 'name a path')
  const expanded: ClaudeOptions = { ...claude, files: [], images: [] }
  for (const [index, entry] of files.entries()) {
    const field = `claude_options.files[${index}]`
    if (!isFileId(entry)) expanded.files.push(entry)
    // Named twice, it comes once, as a path does.
    else if (files.indexOf(entry) === index) {
      const { filename: name, url } = await read(entry, field)
      expanded.files.push({ type: 'file', name, url, field })
    }
  }
  for (const [index, entry] of images.entries()) {
    const found = isFileId(entry) && (await read(entry, `claude_options.images[${index}]`))
    expanded.images.push(found ? found.url : entry)
  }
  return expanded
}

/** The form of the ids that `FileBook` gives. A path that looks like one can be written with `./` before it. */
function isFileId(entry: ClaudeOptions['files'][number]): entry is string {
  return typeof entry === 'string' && /^file-[A-Za-z0-9]{24}$/.test(entry)
}

async function expandMessage(
  message: unknown,
  field: string,
  content: SentContent,
): Promise<unknown> {
  if (!isObject(message) || !Array.isArray(message.content)) return message
  if (!message.content.some(namesFile)) return message
  const parts: unknown[] = []
  for (const [index, part] of message.content.entries()) {
    parts.push(
      namesFile(part) ? await expandPart(part, `${field}.content[${index}]`, content) : part,
    )
  }
  return { ...message, content: parts }
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

async function expandPart(part: FilePart, field: string, content: SentContent): Promise<Json> {
  const { file_id: id, ...rest } = part.file
  const param = `${field}.file.file_id`
  const { filename, url } = await content.read(id, param, 'send its content as `file_data`')
  return { ...part, file: { filename, ...rest, file_data: url } }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
