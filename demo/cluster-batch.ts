import { setTimeout as sleep } from 'node:timers/promises'
import { type OpenAI, toFile } from 'openai'
import { after, gate, questionOf, until } from '../test/api/server/support.ts'
import { says, type ScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import type { ClusterNode, ClusterStage } from './cluster-steps.ts'
import { check, tell } from './run-demo.ts'

const lines = 48
/** From so many answers on the model is silent until a node has been killed. */
const answeredFirst = 12
const startMs = 60_000
/** A lost node's lines are another's after half a minute. */
const endMs = 180_000
const lookMs = 250

export async function batchAndLoss(stage: ClusterStage): Promise<void> {
  const { client, apiKey, anthropic, nodes, balancer } = stage
  tell(`4. A batch of ${lines} lines, and a node that is killed in the middle of it`)
  const { asked, held, open } = script(anthropic)
  const batch = await begin(client)
  tell(`   Created: ${batch.id}`)
  await until('lines are answered, and others are in the middle', held, startMs)
  const live = nodes.map((_, index) => question(client, `A question from outside, ${index + 1}.`))
  // Each has a listener from here on, whatever happens to the others.
  const answers = Promise.all(live)
  answers.catch(() => {})
  await until('the live questions are in the middle too', () => asked('outside') >= nodes.length)
  const victim = await busiest(nodes, apiKey)
  const { request_counts: before } = await client.batches.retrieve(batch.id)
  tell(
    `   ${before?.completed} lines are answered. Each node is in the middle of lines of the batch`,
  )
  tell('   and of a question that somebody waits for.')
  await victim.kill()
  tell(`   ${victim.name} was killed (SIGKILL).`)
  open()
  for (const text of await answers) tell(`   Somebody was told: ${text}   [scripted]`)
  await until(`${victim.name} gets nothing`, () => !balancer.ready().includes(victim.name))
  tell(`   The load balancer asks ${balancer.ready().join(' and ')} only.`)
  tell(`   The lines that ${victim.name} had are another node's in half a minute …`)
  const done = await ended(client, batch.id)
  await checkAnswers(client, done)
  const twice = asked('Question') - lines
  tell(`   The model was asked ${asked('Question')} times: ${twice} lines were asked again.`)
  check(twice > 0, 'No line was in the middle when the node was killed.')
}

/** The model's part: it answers some lines, then holds its tongue until `open`. */
function script(anthropic: ScriptedAnthropic) {
  const questions: string[] = []
  const { opened, open } = gate()
  let holding = 0
  anthropic.respond = (request) => {
    const text = questionOf(request)
    questions.push(text)
    const answer = says(`Answer to: ${text}`)
    if (questions.length <= answeredFirst) return answer
    holding += 1
    return after(opened, answer)
  }
  return {
    /** How many questions with this word there were. */
    asked: (word: string): number => questions.filter((text) => text.includes(word)).length,
    /** Two of each node are in the middle. */
    held: () => holding >= 6,
    open,
  }
}

function idOf(index: number): string {
  return `line-${index + 1}`
}

async function begin(client: OpenAI): Promise<OpenAI.Batch> {
  const text = Array.from({ length: lines }, (_, index) => {
    const messages = [{ role: 'user', content: `Question ${idOf(index)}` }]
    const body = { model: 'claude-code', messages }
    return JSON.stringify({
      custom_id: idOf(index),
      method: 'POST',
      url: '/v1/chat/completions',
      body,
    })
  }).join('\n')
  const input = await client.files.create({
    file: await toFile(Buffer.from(text), 'lines.jsonl'),
    purpose: 'batch',
  })
  return client.batches.create({
    input_file_id: input.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  })
}

async function question(client: OpenAI, content: string): Promise<string> {
  const answer = await client.chat.completions.create({
    model: 'claude-code',
    messages: [{ role: 'user', content }],
  })
  return answer.choices[0]?.message.content ?? ''
}

/** The node with the most turns in the middle. */
async function busiest(nodes: readonly ClusterNode[], apiKey: string): Promise<ClusterNode> {
  const headers = { authorization: `Bearer ${apiKey}` }
  const running = await Promise.all(
    nodes.map(async (node) => {
      const response = await fetch(`${node.url}/ready`, { headers })
      const { capacity } = (await response.json()) as { capacity: { running: number } }
      return { node, turns: capacity.running }
    }),
  )
  const [most] = running.toSorted((a, b) => b.turns - a.turns)
  check(most !== undefined && most.turns > 1, 'No node is in the middle of lines.')
  return most.node
}

const endings = new Set<string>(['failed', 'completed', 'expired', 'cancelled'])

async function ended(client: OpenAI, id: string): Promise<OpenAI.Batch> {
  const end = performance.now() + endMs
  let told = -1
  while (performance.now() < end) {
    const batch = await client.batches.retrieve(id)
    const completed = batch.request_counts?.completed ?? 0
    if (completed - told >= 12 || (completed === lines && told !== lines)) {
      tell(`   ${completed} of ${lines} lines are answered`)
      told = completed
    }
    if (endings.has(batch.status)) return batch
    await sleep(lookMs)
  }
  throw new Error(`The batch has not ended after ${endMs / 1000} seconds.`)
}

type OutputLine = {
  custom_id: string
  response: { status_code: number; body: OpenAI.ChatCompletion }
}

/** Each line once, with its own answer, and the totals of the batch those of its lines. */
async function checkAnswers(client: OpenAI, batch: OpenAI.Batch): Promise<void> {
  check(batch.status === 'completed', `The batch is ${batch.status}.`)
  const { total, completed, failed } = batch.request_counts ?? { total: 0, completed: 0, failed: 0 }
  check(
    total === lines && completed === lines && failed === 0,
    `The batch counts ${completed} completed and ${failed} failed of ${total}.`,
  )
  const text = await (await client.files.content(batch.output_file_id ?? '')).text()
  const output = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): OutputLine => JSON.parse(line))
  const ids = output.map(({ custom_id: id }) => id)
  const expected = Array.from({ length: lines }, (_, index) => idOf(index))
  check(ids.join() === expected.join(), `The output has other lines: ${ids.join()}`)
  for (const { custom_id: id, response } of output) {
    const answer = response.body.choices[0]?.message.content
    check(answer === `Answer to: Question ${id}`, `${id} has another line's answer: ${answer}`)
  }
  const tokens = output.reduce(
    (sum, line) => sum + (line.response.body.usage?.total_tokens ?? 0),
    0,
  )
  check(
    batch.usage?.total_tokens === tokens,
    `The batch counts ${batch.usage?.total_tokens} tokens, its lines ${tokens}.`,
  )
  tell(`   ${completed} completed, ${failed} failed; the output file has each line once, with its`)
  tell(`   own answer, and the batch counts what the lines used: ${tokens} tokens. Checked.`)
}
