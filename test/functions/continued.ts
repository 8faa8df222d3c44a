import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { expect } from 'vitest'
import { callsTools } from '../scripted-anthropic/server.ts'
import type { TestServer } from '../support/server.ts'
import { type Chat, cityTool, question, weather } from './support.ts'

/** A request whose answer is to call functions. */
export const body = {
  model: 'sonnet',
  tools: [weather, cityTool('get_time')],
  messages: [{ role: 'system', content: 'Be brief.' }, question] as ChatCompletionMessageParam[],
}
/** Words and two calls. */
export const twoCalls = callsTools([
  { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome', list: [1] }, text: 'Let me look.' },
  { id: 'toolu_2', name: 'get_time', input: { city: 'Oslo' } },
])

/** An answer's message, and the session that gave it: the same one means the same process. */
export async function ask(on: TestServer, more: Partial<Chat>) {
  const answer = await on.client.chat.completions.create({ ...body, ...more, stream: false })
  const { claude } = answer as typeof answer & { claude: { session_id: string } }
  return { message: answer.choices[0]?.message ?? expect.fail(), session: claude.session_id }
}

type Answer = Awaited<ReturnType<typeof ask>>['message']

/** The conversation after an answer with calls: the answer, and a result for each. */
export function withResults(message: Answer, word = 'sun'): ChatCompletionMessageParam[] {
  const results = (message.tool_calls ?? []).map(({ id }) => ({
    role: 'tool' as const,
    tool_call_id: id,
    content: `${word} ${id}`,
  }))
  return [...body.messages, message, ...results.toReversed()]
}

/** Ends every process that waits, as the system does when it is short of memory; the server has not noticed it yet. */
export async function killAll(server: TestServer): Promise<void> {
  for (const { pid } of await server.processes()) process.kill(pid, 'SIGKILL')
}
