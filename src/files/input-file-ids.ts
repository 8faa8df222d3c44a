import type { SentContent } from './sent-content.ts'

type Json = Record<string, unknown>

/**
 * As `expandFileIds`, for the input of a response: the pictures and files of its messages and of its calls' outputs. Undefined when it names
 * none.
 */
export async function expandInputFileIds(
  body: unknown,
  content: SentContent,
): Promise<Json | undefined> {
  if (!isObject(body) || !Array.isArray(body.input)) return undefined
  let isChanged = false
  const input: unknown[] = []
  for (const [index, item] of body.input.entries()) {
    const expanded = await expandItem(item, `input[${index}]`, content)
    isChanged ||= expanded !== item
    input.push(expanded)
  }
  return isChanged ? { ...body, input } : undefined
}

async function expandItem(item: unknown, field: string, content: SentContent): Promise<unknown> {
  if (!isObject(item)) return item
  for (const name of ['content', 'output']) {
    const parts = item[name]
    if (!Array.isArray(parts) || !parts.some(namesFile)) continue
    const expanded: unknown[] = []
    for (const [index, part] of parts.entries()) {
      expanded.push(
        namesFile(part) ? await expandPart(part, `${field}.${name}[${index}]`, content) : part,
      )
    }
    return { ...item, [name]: expanded }
  }
  return item
}

type FilePart = Json & { type: 'input_file' | 'input_image'; file_id: string }

/** A part with an id and nothing else to say what it holds. */
function namesFile(part: unknown): part is FilePart {
  if (!isObject(part) || typeof part.file_id !== 'string') return false
  if (part.type === 'input_image') return typeof part.image_url !== 'string'
  return part.type === 'input_file' && typeof part.file_data !== 'string'
}

async function expandPart(part: FilePart, field: string, content: SentContent): Promise<Json> {
  const { file_id: id, ...rest } = part
  const otherwise = `send its content as \`${part.type === 'input_image' ? 'image_url' : 'file_data'}\``
  const { filename, url } = await content.read(id, `${field}.file_id`, otherwise)
  return part.type === 'input_image'
    ? { ...rest, image_url: url }
    : { filename, ...rest, file_data: url }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
