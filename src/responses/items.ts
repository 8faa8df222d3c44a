export type Item = Record<string, unknown>

const prefixes: Readonly<Record<string, string>> = {
  message: 'msg',
  function_call: 'fc',
  function_call_output: 'fco',
  custom_tool_call: 'ctc',
  custom_tool_call_output: 'ctco',
  reasoning: 'rs',
  shell_call: 'sh',
  shell_call_output: 'sho',
  apply_patch_call: 'apc',
  apply_patch_call_output: 'apco',
}

/** `input` as a list of items that say their type; undefined for what is no input. */
export function inputItems(input: unknown): Item[] | undefined {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }]
  if (!Array.isArray(input)) return undefined
  return input.map((item: unknown) => {
    if (!isItem(item)) return item as Item
    if (typeof item.type === 'string') return item
    if (item.role !== undefined) return { ...item, type: 'message' }
    return item.id === undefined ? item : { ...item, type: 'item_reference' }
  })
}

/** An item as it is listed: with an id that leads back to its response, a status, and parts where there was a text. */
export function listedItem(item: Item, responseId: string, index: number): Item {
  const type = typeof item.type === 'string' ? item.type : 'message'
  const id = `${prefixes[type] ?? 'item'}_${keyOf(responseId)}i${String(index).padStart(4, '0')}`
  const { role, content } = item
  switch (type) {
    case 'message':
      return {
        ...item,
        id,
        status: 'completed',
        ...(typeof content === 'string' && { content: [textPart(role, content)] }),
        ...(Array.isArray(content) && { content: content.map(listedPart) }),
      }
    case 'reasoning':
      return { summary: [], ...item, id }
    default:
      return { status: 'completed', ...item, id }
  }
}

/** The response that an item belongs to, by its id; undefined for ids that are none of ours. */
export function responseOfItem(id: string): string | undefined {
  const key = /^[a-z]+_([\da-f]{32})i?\d{4,}$/.exec(id)?.[1]
  return key === undefined ? undefined : `resp_${key}`
}

/** What goes on in a conversation: a call that was cut off is none. */
export function isWhole({ type, status }: Item): boolean {
  switch (type) {
    case 'function_call':
    case 'shell_call':
      return status !== 'incomplete'
    case 'apply_patch_call':
      return status !== 'in_progress'
    default:
      return true
  }
}

export function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function keyOf(responseId: string): string {
  return responseId.replace(/^resp_/, '')
}

function textPart(role: unknown, text: string): Item {
  return role === 'assistant'
    ? { type: 'output_text', text, annotations: [], logprobs: [] }
    : { type: 'input_text', text }
}

/** OpenAI's document has these fields always. */
function listedPart(part: unknown): unknown {
  if (!isItem(part)) return part
  if (part.type === 'input_image') return { detail: 'auto', ...part }
  if (part.type === 'output_text') return { annotations: [], logprobs: [], ...part }
  return part
}
