import type { ContentBlock, RawContentBlockDelta } from '@anthropic-ai/sdk/resources/messages'

/** A content block as the script wants it, its text in the pieces that are to be streamed. */
export type ScriptedBlock =
  | { type: 'thinking'; thinking: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'text'; chunks: string[] }
  | { type: 'tool_use'; id: string; name: string; input: unknown }

type WireBlock = Extract<ContentBlock, { type: ScriptedBlock['type'] }>

/** What `content_block_start` says. */
export function emptyBlock(block: ScriptedBlock): WireBlock {
  switch (block.type) {
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'redacted_thinking':
      return block
    case 'text':
      return { type: 'text', text: '', citations: null }
    case 'tool_use':
      return { ...block, input: {}, caller: { type: 'direct' } }
  }
}

/** The block as it is when it is complete. */
export function wholeBlock(block: ScriptedBlock): WireBlock {
  switch (block.type) {
    case 'thinking':
      return { type: 'thinking', thinking: block.thinking, signature }
    case 'redacted_thinking':
      return block
    case 'text':
      return { type: 'text', text: block.chunks.join(''), citations: null }
    case 'tool_use':
      return { ...block, caller: { type: 'direct' } }
  }
}

/** What comes between start and end; a tool's input in two pieces, as no client may rely on one. */
export function deltas(block: ScriptedBlock): RawContentBlockDelta[] {
  switch (block.type) {
    case 'thinking':
      return [
        { type: 'thinking_delta', thinking: block.thinking },
        { type: 'signature_delta', signature },
      ]
    case 'redacted_thinking':
      return []
    case 'text':
      return block.chunks.map((text) => ({ type: 'text_delta', text }))
    case 'tool_use': {
      const json = JSON.stringify(block.input)
      const half = Math.ceil(json.length / 2)
      return [json.slice(0, half), json.slice(half)].map((partial_json) => ({
        type: 'input_json_delta',
        partial_json,
      }))
    }
  }
}

/** Any base64 will do: only the real API could check it. */
const signature = 'c2lnbmVk'
