import { drained } from '../test/support/drained.ts'
import type { Step } from '../test/scripted-anthropic/server.ts'

const pieces = 16_000
const piece = 'lorem ipsum '.repeat(90)

/** An answer of about 17 MB, at the speed at which it is taken. */
export const longAnswer: Step = async (response, { model }) => {
  const write = async (event: Record<string, unknown>): Promise<void> => {
    if (response.destroyed) return
    const isTaken = response.write(
      `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`,
    )
    if (!isTaken) await drained(response)
  }
  const usage = { input_tokens: 10, output_tokens: 1 }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  await write({
    type: 'message_start',
    message: {
      id: 'msg_long',
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage,
    },
  })
  await write({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
  for (let index = 0; index < pieces && !response.destroyed; index++)
    await write({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: piece },
    })
  await write({ type: 'content_block_stop', index: 0 })
  await write({
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage,
  })
  await write({ type: 'message_stop' })
  response.end()
}
