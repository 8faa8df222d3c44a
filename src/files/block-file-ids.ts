import type { SentContent } from './sent-content.ts'

type Json = Record<string, unknown>

/**
 * As `expandFileIds`, for messages in Anthropic's words: pictures and documents whose source is an uploaded file, in results of tools as well.
 * Undefined when the body names none. Throws what `SentContent` throws.
 */
export async function expandBlockFileIds(
  body: unknown,
  content: SentContent,
): Promise<Json | undefined> {
  if (!isObject(body) || !Array.isArray(body.messages)) return undefined
  const own: unknown[] = body.messages
  const messages: unknown[] = []
  for (const [index, message] of own.entries())
    messages.push(await expandContent(message, `messages[${index}]`, content))
  const isChanged = messages.some((message, index) => message !== own[index])
  return isChanged ? { ...body, messages } : undefined
}

/** A message or a result with its blocks expanded; the same object when nothing was. */
async function expandContent(
  holder: unknown,
  field: string,
  content: SentContent,
): Promise<unknown> {
  if (!isObject(holder) || !Array.isArray(holder.content)) return holder
  const own: unknown[] = holder.content
  const blocks: unknown[] = []
  for (const [index, block] of own.entries()) {
    const at = `${field}.content[${index}]`
    if (namesFile(block)) blocks.push(await expandBlock(block, at, content))
    else if (isObject(block) && block.type === 'tool_result')
      blocks.push(await expandContent(block, at, content))
    else blocks.push(block)
  }
  return blocks.some((block, index) => block !== own[index])
    ? { ...holder, content: blocks }
    : holder
}

type FileBlock = Json & { type: 'image' | 'document'; source: Json & { file_id: string } }

function namesFile(block: unknown): block is FileBlock {
  return (
    isObject(block) &&
    (block.type === 'image' || block.type === 'document') &&
    isObject(block.source) &&
    block.source.type === 'file' &&
    typeof block.source.file_id === 'string'
  )
}

async function expandBlock(block: FileBlock, field: string, content: SentContent): Promise<Json> {
  const param = `${field}.source.file_id`
  const { filename, url } = await content.read(
    block.source.file_id,
    param,
    'send its content as base64',
  )
  // Its content says what it is.
  const source = {
    type: 'base64',
    media_type: 'application/octet-stream',
    data: url.slice(url.indexOf(',') + 1),
  }
  return {
    ...block,
    ...(block.type === 'document' && { title: block.title ?? filename }),
    source,
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
