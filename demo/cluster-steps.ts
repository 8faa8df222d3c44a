import type OpenAI from 'openai'
import type {
  ChatCompletionCreateParams,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions'
import { lastAcceptedMs } from '../test/keys/support.ts'
import {
  callsTools,
  conversation,
  says,
  type ScriptedAnthropic,
} from '../test/scripted-anthropic/server.ts'
import { type Balancer, nodeHeader } from './balancer.ts'
import { check, tell } from './run-demo.ts'

/** One server of several. */
export type ClusterNode = {
  name: string
  url: string
  /** Asks this node itself, and not whichever has its turn. */
  clientWith: (apiKey: string) => OpenAI
  admin: OpenAI
  stop(): Promise<void>
  kill(): Promise<void>
}

/** What a step has to work with. */
export type ClusterStage = {
  /** Goes through the load balancer. */
  client: OpenAI
  apiKey: string
  anthropic: ScriptedAnthropic
  workspace: string
  nodes: readonly ClusterNode[]
  balancer: Balancer
}

type Claude = { claude?: { session_id?: string } }

type Asked = Partial<ChatCompletionCreateParams> & {
  messages: ChatCompletionMessageParam[]
  claude_options?: Record<string, unknown>
}

/** An answer's message and session, and the node that gave it. */
async function ask(
  client: OpenAI,
  body: Asked,
): Promise<{ message: OpenAI.ChatCompletionMessage; session: string; node: string }> {
  const { data, response } = await client.chat.completions
    .create({ model: 'claude-code', ...body, stream: false })
    .withResponse()
  const message = data.choices[0]?.message
  check(message !== undefined, 'There is no answer.')
  const session = (data as Claude).claude?.session_id ?? ''
  return { message, session, node: response.headers.get(nodeHeader) ?? '' }
}

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    },
  },
} as const

export async function functionCall({ client, anthropic }: ClusterStage): Promise<void> {
  tell('1. A function is called by one node, and its result goes to another')
  const call = { name: 'get_weather', input: { city: 'Rome' } }
  anthropic.enqueue(callsTools([call]), says('It is sunny in Rome.'))
  const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: 'How is Rome?' }]
  const first = await ask(client, { messages, tools: [weather] })
  const [called] = first.message.tool_calls ?? []
  check(called?.type === 'function', 'The function was not called.')
  tell(`   ${first.node}: calls get_weather(${called.function.arguments})`)
  const result = { role: 'tool' as const, tool_call_id: called.id, content: '21 °C and sunny' }
  const then = await ask(client, {
    messages: [...messages, first.message, result],
    tools: [weather],
  })
  tell(`   ${then.node}: ${then.message.content}   [scripted]`)
  check(then.node !== first.node, 'The same node answered twice.')
  check(then.message.content === 'It is sunny in Rome.', 'The answer is another one.')
  const asked = JSON.stringify(lastConversation(anthropic))
  check(
    asked.includes('How is Rome?') && asked.includes('21 °C and sunny'),
    'The model was not told what came before.',
  )
  tell('   The model was told the question, the call and the result. Checked.')
}

export async function sessionOfAll(stage: ClusterStage): Promise<void> {
  const { client, anthropic, workspace } = stage
  tell('2. A session that each node has a turn of')
  const words = ['My name is Ada.', 'I live in Rome.', 'What do you know of me?']
  const seen = new Set<string>()
  let session: string | undefined
  for (const content of words) {
    anthropic.enqueue(says(`I heard: ${content}`))
    const options = session === undefined ? { working_dir: workspace } : { session_id: session }
    const answer = await ask(client, {
      messages: [{ role: 'user', content }],
      claude_options: options,
    })
    tell(`   ${answer.node}: ${content} → ${answer.message.content}   [scripted]`)
    check(session === undefined || answer.session === session, 'It is another session.')
    session = answer.session
    seen.add(answer.node)
  }
  check(seen.size === words.length, 'Not every node had a turn.')
  const asked = JSON.stringify(lastConversation(anthropic))
  for (const content of words) check(asked.includes(content), `The model was not told: ${content}`)
  tell('   At the last turn the model was told what was said on all three. Checked.')
}

export async function revokedKey({ nodes }: ClusterStage): Promise<void> {
  const [first, , last] = nodes
  check(first !== undefined && last !== undefined, 'There are no three nodes.')
  tell(`3. A key made on ${first.name} works everywhere, and nowhere once ${last.name} revoked it`)
  const made = (await first.admin.post('/admin/keys', { body: { name: 'a visitor' } })) as {
    id: string
    key: string
  }
  for (const { name, clientWith } of nodes) {
    await clientWith(made.key).models.list()
    tell(`   ${name} lets it in`)
  }
  await last.admin.delete(`/admin/keys/${made.id}`)
  const revoked = performance.now()
  const accepted = await Promise.all(
    nodes.map(({ clientWith }) => lastAcceptedMs(clientWith(made.key), revoked)),
  )
  nodes.forEach(({ name }, index) => tell(`   ${name} refuses it ${shownWait(accepted[index])}`))
  check(
    accepted.every((ms) => ms < 1_000),
    'A node let it in later than a second after it was revoked.',
  )
  tell('   Nobody let it in later than a second after it was revoked. Checked.')
}

function shownWait(ms: number | undefined): string {
  return ms === undefined || ms === 0 ? 'at once' : `after ${Math.ceil(ms)} ms`
}

/** What the model was sent last. */
function lastConversation({ requests }: ScriptedAnthropic): unknown {
  const last = requests.at(-1)
  return last === undefined ? [] : conversation(last)
}
