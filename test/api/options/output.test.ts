import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { callsTools, fails, says, type Step } from '../../scripted-anthropic/server.ts'
import { type Chunk, stage, streamedText, textOf } from './support.ts'

const shared = stage()

let notes: string
beforeAll(async () => {
  notes = join(shared.server.workspace, 'notes.txt')
  await writeFile(notes, 'words of the notes')
})

const usage = { input_tokens: 11, cache_read_input_tokens: 5, output_tokens: 9 }

/** Reads a file, then says so. */
function readsThenSays(): void {
  const call = { id: 'toolu_read', name: 'Read', input: { file_path: notes }, text: 'Let me see.' }
  shared.anthropic.enqueue(callsTools([call]), says('I have read it.', { usage }))
}
const reading = () => ({ tools: ['Read'], working_dir: shared.server.workspace })

/** The text as one JSON document a line. */
function parseLines(text: string): Record<string, unknown>[] {
  expect(text.endsWith('\n')).toBe(true)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('output_format text', () => {
  it.each([{}, { output_format: 'text' }, { output_format: null }])(
    'makes the content the answer with %j',
    async (options) => {
      expect(textOf(await shared.ask(options))).toBe('Hello from the scripted model.')
    },
  )
})

describe('output_format json', () => {
  it('makes the content one document with the result and what it took', async () => {
    readsThenSays()
    const answer = await shared.ask({ output_format: 'json', ...reading() })
    const document = JSON.parse(textOf(answer))
    expect(document).toMatchObject({
      type: 'result',
      subtype: 'success',
      is_error: false,
      result: 'I have read it.',
      session_id: answer.claude.session_id,
      model: answer.model,
      total_cost_usd: answer.claude.cost_usd,
      num_turns: 2,
      usage: { input_tokens: 21, cache_read_input_tokens: 5, output_tokens: 16 },
    })
    expect(document.total_cost_usd).toBeGreaterThan(0)
    expect(document.duration_ms).toBeGreaterThan(0)
    expect(answer.usage).toMatchObject({ prompt_tokens: 26, completion_tokens: 16 })
  })

  it('is the same document in a stream', async () => {
    const chunks = await shared.stream({ output_format: 'json' })
    expect(JSON.parse(streamedText(chunks))).toMatchObject({
      result: 'Hello from the scripted model.',
      session_id: chunks.at(-1)?.claude?.session_id,
    })
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
  })

  it('is an error, and no document, when the turn fails', async () => {
    shared.anthropic.enqueue(fails(529, 'overloaded_error', 'Overloaded'))
    expect(await shared.refused({ output_format: 'json' })).toMatchObject({ code: 'overloaded' })
  })
})

describe('output_format stream-json', () => {
  it('makes the content one event a line, each of them JSON', async () => {
    readsThenSays()
    const answer = await shared.ask({ output_format: 'stream-json', ...reading() })
    const events = parseLines(textOf(answer))
    const { session_id } = answer.claude
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['system', 'assistant', 'user', 'result']),
    )
    expect(events[0]).toMatchObject({ type: 'system', subtype: 'init', session_id })
    expect(events.at(-1)).toMatchObject({ type: 'result', result: 'I have read it.', session_id })
    expect(JSON.stringify(events)).toContain('words of the notes')
  })

  it('is the same in a stream', async () => {
    readsThenSays()
    const chunks = await shared.stream({ output_format: 'stream-json', ...reading() })
    const events = parseLines(streamedText(chunks))
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['system', 'assistant', 'user', 'result']),
    )
    expect(events.at(-1)).toMatchObject({ type: 'result', result: 'I have read it.' })
  })

  it('sends lines as they happen, before the model has finished', async () => {
    const finish = new AbortController()
    const finished = once(finish.signal, 'abort')
    const last: Step = async (response, request) => {
      await finished
      await says('I have read it.')(response, request)
    }
    shared.anthropic.enqueue(
      callsTools([{ name: 'Read', input: { file_path: notes }, text: 'Let me see.' }]),
      last,
    )
    const body = {
      model: 'claude-code',
      messages: [{ role: 'user' as const, content: 'Go.' }],
      stream: true as const,
      claude_options: { output_format: 'stream-json', ...reading() },
    }
    let text = ''
    let early = ''
    for await (const chunk of await shared.server.client.chat.completions.create(body)) {
      text += chunk.choices[0]?.delta.content ?? ''
      // The model says its last words only after the lines of the tool's use and result have come.
      if (early === '' && text.includes('words of the notes')) {
        early = text
        finish.abort()
      }
    }
    expect(parseLines(early).map(({ type }) => type)).toEqual(
      expect.arrayContaining(['system', 'assistant', 'user']),
    )
    expect(early).not.toContain('I have read it.')
    expect(parseLines(text).at(-1)).toMatchObject({ result: 'I have read it.' })
  })

  it('is an error, and no lines, when the turn fails before the first answer', async () => {
    shared.anthropic.enqueue(fails(529, 'overloaded_error', 'Overloaded'))
    expect(await shared.refused({ output_format: 'stream-json' })).toMatchObject({
      code: 'overloaded',
    })
  })
})

const logs = () => readdir(join(shared.server.dataDir, 'debug')).catch(() => [])

describe('debug', () => {
  it("writes Claude Code's debug output to a file whose path is in the answer", async () => {
    const answer = await shared.ask({ debug: true })
    const path = answer.claude.debug_log ?? ''
    expect(path.startsWith(join(shared.server.dataDir, 'debug'))).toBe(true)
    const log = await readFile(path, 'utf8')
    expect(log).toMatch(/\[DEBUG\]/)
    expect(textOf(answer)).toBe('Hello from the scripted model.')
    expect(JSON.stringify(answer)).not.toContain('[DEBUG]')
  })

  it('tells the path in the last chunk of a stream, and no text of the log', async () => {
    const chunks = await shared.stream({ debug: true })
    expect(existsSync(chunks.at(-1)?.claude?.debug_log ?? '')).toBe(true)
    expect(streamedText(chunks)).toBe('Hello from the scripted model.')
    expect(JSON.stringify(chunks)).not.toContain('[DEBUG]')
  })

  it('writes one file a request', async () => {
    const before = await logs()
    const answers = [await shared.ask({ debug: true }), await shared.ask({ debug: true })]
    const paths = new Set(answers.map(({ claude }) => claude.debug_log))
    expect(paths.size).toBe(2)
    expect(await logs()).toHaveLength(before.length + 2)
  })

  it('writes nothing when it is off', async () => {
    const before = await logs()
    const answer = await shared.ask({ debug: false })
    expect(answer.claude).not.toHaveProperty('debug_log')
    expect(await logs()).toEqual(before)
  })
})

const activityOf = (chunks: Chunk[]) => chunks.flatMap(({ claude }) => claude?.activity ?? [])

describe('include_activity', () => {
  const use = { type: 'tool_use', id: 'toolu_read', name: 'Read' }
  const result = {
    type: 'tool_result',
    id: 'toolu_read',
    is_error: false,
    content: expect.stringContaining('words of the notes'),
  }
  it('shows tool uses and results beside the answer, which is text alone', async () => {
    readsThenSays()
    const answer = await shared.ask({ include_activity: true, ...reading() })
    expect(answer.claude.activity).toEqual([{ ...use, input: { file_path: notes } }, result])
    expect(textOf(answer)).toBe('Let me see.\n\nI have read it.')
  })

  it('shows them in a field of the chunks, in order, between the texts', async () => {
    readsThenSays()
    const chunks = await shared.stream({ include_activity: true, ...reading() })
    expect(activityOf(chunks)).toEqual([{ ...use, input: { file_path: notes } }, result])
    const order = chunks.flatMap(({ claude, choices }) => [
      ...(claude?.activity ? [claude.activity.type] : []),
      ...(choices[0]?.delta.content ? [choices[0].delta.content.trim()] : []),
    ])
    const words = order.filter((word) => word !== '')
    expect(words.join(' ')).toBe('Let me see. tool_use tool_result I have read it.')
  })

  it('leaves text alone to a plain client', async () => {
    readsThenSays()
    const chunks = await shared.stream({ include_activity: true, ...reading() })
    expect(streamedText(chunks)).toBe('Let me see.\n\nI have read it.')
    expect(chunks.every(({ choices }) => choices[0]?.delta.tool_calls === undefined)).toBe(true)
  })

  it('shows that a use was refused', async () => {
    shared.anthropic.enqueue(
      callsTools([{ name: 'Read', input: { file_path: '/etc/hostname' } }]),
      says('No.'),
    )
    const answer = await shared.ask({ include_activity: true, ...reading() })
    expect(answer.claude.activity?.[1]).toMatchObject({ type: 'tool_result', is_error: true })
  })

  it('shows nothing when it is off', async () => {
    readsThenSays()
    const answer = await shared.ask(reading())
    expect(answer.claude).not.toHaveProperty('activity')
    readsThenSays()
    expect(activityOf(await shared.stream(reading()))).toEqual([])
  })
})
