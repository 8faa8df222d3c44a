import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type OpenAI from 'openai'
import {
  callsTools,
  conversation,
  type RecordedRequest,
  says,
  type ScriptedAnthropic,
} from '../test/scripted-anthropic/server.ts'
import { check } from './run-demo.ts'

/** What a step has to work with. */
export type Stage = {
  client: OpenAI
  anthropic: ScriptedAnthropic
  /** The folder that Claude Code's tools may work in. */
  workspace: string
  /** Prints a line. */
  tell: (line: string) => void
  /** Prints without a line's end. */
  write: (text: string) => void
}

export async function plainAnswer({ client, anthropic, tell }: Stage): Promise<void> {
  const script = 'Hello! I am a script, not a model; but everything between us is real.'
  anthropic.enqueue(says(script))
  tell('1. A plain answer')
  tell('   You:    Hello, who are you?')
  const answer = await client.chat.completions.create({
    model: 'claude-code',
    messages: [{ role: 'user', content: 'Hello, who are you?' }],
  })
  const [choice] = answer.choices
  tell(`   Model:  ${choice?.message.content ?? '(nothing)'}   [scripted]`)
  check(choice?.message.content === script, 'The answer is not what the scripted model said.')
  tell(`   Tokens: ${answer.usage?.prompt_tokens} in, ${answer.usage?.completion_tokens} out`)
  const agent = anthropic.requests.at(-1)?.headers['user-agent'] ?? ''
  check(agent.startsWith('claude-cli/'), `The model was not asked by claude, but by "${agent}".`)
  tell(`   The scripted model was asked by ${agent}`)
}

export async function streamedAnswer({ client, anthropic, tell, write }: Stage): Promise<void> {
  const script = 'These words were sent one by one, and each is printed when it arrives.'
  anthropic.enqueue(says(script, { delayMs: 80 }))
  tell('2. A streamed answer')
  tell('   You:    Tell me something, slowly.')
  write('   Model:  ')
  const stream = await client.chat.completions.create({
    model: 'claude-code',
    messages: [{ role: 'user', content: 'Tell me something, slowly.' }],
    stream: true,
  })
  const pieces: string[] = []
  const arrivals: number[] = []
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.delta.content ?? ''
    if (piece === '') continue
    pieces.push(piece)
    arrivals.push(performance.now())
    write(piece)
  }
  tell('   [scripted]')
  check(pieces.join('') === script, 'The streamed answer is not what the scripted model said.')
  const spreadMs = Math.round((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0))
  tell(`   It came in ${pieces.length} pieces, the last ${spreadMs} ms after the first.`)
  // The model took about a second to say it; an answer that was held back comes all at once.
  check(spreadMs > 300, 'The answer was held back instead of streamed.')
}

export async function fileTools({ client, anthropic, workspace, tell }: Stage): Promise<void> {
  const secret = `tangerine-${Math.floor(Math.random() * 9000) + 1000}`
  const [note, reply] = [join(workspace, 'note.txt'), join(workspace, 'reply.txt')]
  await writeFile(note, `The secret word is ${secret}\n`)
  anthropic.respond = (request) => readThenWrite(request, note, reply)
  const question = 'Read note.txt and write its secret word to reply.txt.'
  tell('3. Claude Code works with files')
  tell(`   A file note.txt with a random secret word was put into ${workspace}`)
  tell(`   You:    ${question}`)
  const request = {
    model: 'claude-code',
    messages: [{ role: 'user' as const, content: question }],
    stream: true as const,
    claude_options: { tools: ['Read', 'Write'], working_dir: workspace, include_activity: true },
  }
  let text = ''
  for await (const chunk of await client.chat.completions.create(request)) {
    const use = toolUse(chunk)
    if (use !== undefined) tell(`   Claude Code runs its tool ${use}`)
    text += chunk.choices[0]?.delta.content ?? ''
  }
  tell(`   Model:  ${text}   [scripted]`)
  const written = await readFile(reply, 'utf8').catch(() => undefined)
  check(written !== undefined, 'Claude Code did not write reply.txt.')
  check(written.trim() === secret, `reply.txt holds "${written}" instead of "${secret}".`)
  check(text.includes(secret), 'The answer does not name the secret word.')
  tell(`   On disk: reply.txt holds "${written.trim()}". Checked.`)
}

/** The script of the third step: what it writes and says is what the binary's own Read tool found. */
function readThenWrite(
  request: RecordedRequest,
  note: string,
  reply: string,
): ReturnType<typeof says> {
  const found = /secret word is ([\w-]+)/.exec(JSON.stringify(toolResults(request)))?.[1]
  switch (toolResults(request).length) {
    case 0:
      return callsTools([{ name: 'Read', input: { file_path: note } }])
    case 1:
      return callsTools([
        { name: 'Write', input: { file_path: reply, content: found ?? '(nothing found)' } },
      ])
    default:
      return says(`The secret word is ${found ?? 'nowhere to be found'}.`)
  }
}

function toolResults(request: RecordedRequest): Record<string, unknown>[] {
  return conversation(request)
    .flatMap(({ content }) => content)
    .filter(({ type }) => type === 'tool_result')
}

/** The tool that a chunk reports, by the server's extension of the format. */
function toolUse(chunk: object): string | undefined {
  const { claude } = chunk as { claude?: { activity?: { type: string; name?: string } } }
  return claude?.activity?.type === 'tool_use' ? claude.activity.name : undefined
}
