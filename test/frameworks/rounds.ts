import { conversation, type RecordedRequest } from '../scripted-anthropic/server.ts'

/** What the model was sent, one line a message: `role: text + name#id{input} + #id=result`. */
export function rounds(request: RecordedRequest): string[] {
  return conversation(request).map(
    ({ role, content }) => `${role}: ${content.map(blockLine).join(' + ')}`,
  )
}

function blockLine(block: Readonly<Record<string, unknown>>): string {
  switch (block['type']) {
    case 'text':
      return String(block['text'])
    case 'tool_use':
      return `${String(block['name'])}#${String(block['id'])}${JSON.stringify(block['input'])}`
    case 'tool_result':
      return `#${String(block['tool_use_id'])}=${resultText(block['content'])}`
    default:
      return JSON.stringify(block)
  }
}

function resultText(content: unknown): string {
  if (!Array.isArray(content)) return JSON.stringify(content)
  return content.map((block: { text?: unknown }) => String(block.text)).join('')
}
