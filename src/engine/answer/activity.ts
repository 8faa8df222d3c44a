import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import type { Activity } from '../../turn/event.ts'

/** The tool uses in a message; `isAnswer` tells the tools by which the answer itself is given. */
export function toolUses(
  { message, parent_tool_use_id: parentId }: Extract<SDKMessage, { type: 'assistant' }>,
  isAnswer: (name: string) => boolean,
): Activity[] {
  return message.content.flatMap((block): Activity[] => {
    if (block.type !== 'tool_use' || isAnswer(block.name)) return []
    const { id, name, input } = block
    return [{ type: 'tool-use', id, name, input, ...(parentId && { parentId }) }]
  })
}

/** What came of tool uses. */
export function toolResults({
  message: { content },
  parent_tool_use_id: parentId,
}: Extract<SDKMessage, { type: 'user' }>): Activity[] {
  if (typeof content === 'string') return []
  return content.flatMap((block): Activity[] => {
    if (block.type !== 'tool_result') return []
    return [
      {
        type: 'tool-result',
        id: block.tool_use_id,
        content: block.content ?? '',
        isError: block.is_error ?? false,
        ...(parentId && { parentId }),
      },
    ]
  })
}
