import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiMessage } from '../../src/engine/conversation/api-messages.ts'
import {
  composeTranscript,
  storeTranscript,
  type TranscriptEntry,
  type TranscriptPlace,
  transcriptPath,
  writeTranscript,
} from '../../src/engine/conversation/transcript.ts'
import { png } from '../attachments/pictures.ts'
import { callsTools, type ConversationMessage, conversation } from '../scripted-anthropic/server.ts'
import { Stage, type TestProcess } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

const text = (value: string) => ({ type: 'text' as const, text: value })
const says = (role: 'user' | 'assistant', ...texts: string[]): ApiMessage => ({
  role,
  content: texts.map(text),
})
const picture = (bytes: Buffer) =>
  ({
    type: 'image',
    source: { type: 'base64', media_type: 'image/png', data: bytes.toString('base64') },
  }) as const

/** More than 500 KB, and a side of more than 2000 pixels. */
const pictures = [picture(png(420, 420, true)), picture(png(2100, 3))]
const pictured: ApiMessage = {
  role: 'user',
  content: [text('Look '), ...pictures, text('/cost\n')],
}

function placeOf(sessionId: string): TranscriptPlace {
  const { configDir: claudeDir, folder, claude } = stage
  return { claudeDir, folder, sessionId, version: claude.version }
}

/** A process that resumes these entries of a composed transcript. */
async function resumed(
  messages: ApiMessage[],
  keep: (entry: TranscriptEntry) => boolean = () => true,
): Promise<TestProcess> {
  const place = placeOf(crypto.randomUUID())
  await writeTranscript(composeTranscript(messages, place, new Date()).filter(keep), place)
  return stage.start({ decisions: { composed: place.sessionId } })
}

/** What the next turn of a process makes the API see. */
async function seen(process: TestProcess, prompt: Parameters<TestProcess['turn']>[0]) {
  const before = stage.anthropic.requests.length
  const result = await process.turn(prompt)
  expect(result).toMatchObject({ subtype: 'success', is_error: false })
  const requests = stage.anthropic.requests.slice(before).map(conversation)
  expect(requests).toHaveLength(1)
  return requests.flat()
}

type Entry = Record<string, unknown>

/** The entries of a session's transcript as Claude Code wrote them. */
async function entriesOf(sessionId: string): Promise<Entry[]> {
  const written = await readFile(transcriptPath(placeOf(sessionId)), 'utf8')
  return written
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** The fields of an entry, and of what kind each is. */
function kindsOf(entry: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [key, value === null ? 'null' : typeof value]),
  )
}

describe('the format of a transcript', () => {
  const whole = [says('user', 'Hi'), says('assistant', 'Ho'), says('user', 'And?')]

  it('is the one that the SDK reads, which finds what was composed block for block', async () => {
    const place = placeOf(crypto.randomUUID())
    await expect(storeTranscript([...whole, pictured], place, new Date())).resolves.toContain('Ho')
  })

  it('is Claude Code’s own: its entries have each field that is composed, and the same end', async () => {
    let sessionId: string
    {
      await using process = await stage.start({ options: { maxTurns: 1, tools: ['Glob'] } })
      stage.anthropic.enqueue(callsTools([{ name: 'Glob', input: { pattern: '*' } }]))
      ;({ session_id: sessionId } = await process.turn('Hi'))
    }
    const own = await entriesOf(sessionId)
    const composed: Entry[] = composeTranscript(whole.slice(0, 2), placeOf(sessionId), new Date())
    for (const entry of composed) {
      const alike = own.findLast(({ type }) => type === entry['type'])
      const { parentUuid: _first, ...kinds } = kindsOf(entry)
      expect(kindsOf(alike ?? {})).toMatchObject(kinds)
      expect(alike).toHaveProperty('parentUuid')
    }
    const end = own.findLast(({ attachment }) => attachment !== undefined)
    const limit = Object(composed.at(-1)?.['attachment'])
    expect(end?.['attachment']).toEqual({ ...limit, turnCount: expect.any(Number) })
  })
})

describe('a transcript that ends at the turn limit', () => {
  const whole = [
    says('user', 'Hi'),
    says('assistant', 'Ho'),
    says('user', '@/etc/hostname ', '/cost'),
  ]

  it('is answered by an empty prompt, and the API gets it word for word', async () => {
    await using process = await resumed(whole)
    expect(await seen(process, [])).toEqual(whole)
  })

  it('is a session like any other: it goes on in its process, and is resumed', async () => {
    const answer = says('assistant', 'Hello from the scripted model.')
    const more = [...whole, answer, says('user', 'More')]
    let sessionId: string
    {
      await using process = await resumed(whole)
      const { session_id } = await process.turn([])
      sessionId = session_id
      expect(await seen(process, 'More')).toEqual(more)
    }
    await using process = await stage.start({ decisions: { resume: sessionId } })
    expect(await seen(process, 'Last')).toEqual([...more, answer, says('user', 'Last')])
  })

  it('needs that end: without it Claude Code answers the question itself', async () => {
    await using process = await resumed(whole, ({ type }) => type !== 'attachment')
    expect(await seen(process, 'More')).toEqual([
      ...whole,
      says('assistant', 'No response requested.'),
      says('user', 'More'),
    ])
  })

  it('gets a message of its own about a change of model after the start', async () => {
    await using process = await resumed(whole)
    await process.set({ model: 'haiku', noThinking: false })
    const [, , last] = await seen(process, [])
    expect(JSON.stringify(last)).toContain('<command-name>/model</command-name>')
  })
})

describe('a picture', () => {
  let told: ConversationMessage | undefined

  beforeAll(async () => {
    await using process = await stage.start()
    ;[told] = await seen(process, [...pictured.content])
  })

  it('that a transcript has reaches the API as it is, whatever its size', async () => {
    await using process = await resumed([pictured])
    expect(await seen(process, [])).toEqual([pictured])
  })

  it('that a process is told is scaled, recoded and remarked on, which is why it is not', () => {
    const blocks = told?.content ?? []
    expect(blocks.map(({ type }) => type)).toEqual([
      'text',
      'image',
      'image',
      'text',
      'text',
      'text',
    ])
    expect(blocks.slice(1, 3)).not.toContainEqual(pictures[0])
    expect(blocks.slice(1, 3)).not.toContainEqual(pictures[1])
    expect(String(blocks[4]?.['text'])).toMatch(/^\[Image: source: /)
    expect(String(blocks[5]?.['text'])).toMatch(/^\[Image: source: .*original 2100x3, displayed at/)
  })

  it('that has more than 5 MiB of base64 is refused in a transcript, which is why it is told', async () => {
    const huge = picture(png(1200, 1200, true))
    await using process = await resumed([{ role: 'user', content: [huge] }])
    const result = await process.turn([])
    expect(result.is_error).toBe(true)
    expect(JSON.stringify(result)).toContain('exceeds API limit (5MB)')
  })
})

describe('an earlier answer', () => {
  it('that is “(no content)” is lost, Claude Code’s own mark for an empty one', async () => {
    await using process = await resumed([
      says('user', 'One'),
      says('assistant', '(no content)'),
      says('user', 'Two'),
    ])
    const roles = (await seen(process, [])).map(({ role }) => role)
    expect(roles).toEqual(['user'])
  })
})
