import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiMessage } from './api-messages.ts'
import {
  composeTranscript,
  continueTranscript,
  storeTranscript,
  type TranscriptPlace,
  transcriptPath,
  writeTranscript,
} from './transcript.ts'

let claudeDir: string
beforeAll(async () => {
  claudeDir = await mkdtemp(join(tmpdir(), 'transcripts-'))
})
afterAll(() => rm(claudeDir, { recursive: true, force: true }))

function newPlace(): TranscriptPlace {
  return { claudeDir, folder: '/work', sessionId: crypto.randomUUID(), version: '2.1.330' }
}

const now = new Date(0)
const text = (value: string) => ({ type: 'text' as const, text: value })
const messages: ApiMessage[] = [
  { role: 'user', content: [text('One\uD83D \u2028\n'), text('Zwei')] },
  {
    role: 'assistant',
    content: [
      text('So.'),
      { type: 'tool_use', id: 'a', name: 'f', input: JSON.parse('{"n": -0, "__proto__": 1}') },
    ],
  },
  { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a' }, text('And?')] },
]

/** What a damaged disk, another program or another format makes of a transcript. */
const changes: [string, (written: string) => string][] = [
  ['its end is missing', (written) => written.slice(0, -40)],
  ['its last line is missing', (written) => lines(written).slice(0, -1).join('')],
  ['its first line is missing', (written) => lines(written).slice(1).join('')],
  ['one byte is another', (written) => written.replace('Zwei', 'Drei')],
  ['another line follows', (written) => `${written}{"type":"summary"}\n`],
  ['another line comes first', (written) => `{"type":"summary"}\n${written}`],
  ['it is empty', () => ''],
]

function lines(written: string): string[] {
  return written.split(/(?<=\n)/)
}

describe('storeTranscript', () => {
  it('keeps what is read back', async () => {
    const place = newPlace()
    await storeTranscript(messages, place, now)
    expect(lines(await readFile(transcriptPath(place), 'utf8'))).toHaveLength(messages.length + 1)
  })

  it.each(changes)('fails, and leaves no session, where %s', async (_, change) => {
    const place = newPlace()
    const stored = storeTranscript(messages, place, now, async (entries, at) => {
      await writeTranscript(entries, at)
      const path = transcriptPath(at)
      await writeFile(path, change(await readFile(path, 'utf8')))
    })
    await expect(stored).rejects.toMatchObject({ code: 'server_error' })
    const left = await readdir(join(claudeDir, 'projects', '-work'))
    expect(left).not.toContain(`${place.sessionId}.jsonl`)
  })

  it('fails where the SDK reads something else in the same lines', async () => {
    const place = newPlace()
    const orphaned = composeTranscript(messages, place, now, crypto.randomUUID())
    const others: ApiMessage[] = [...messages, { role: 'user', content: [text('More')] }]
    for (const [entries, meant] of [
      [composeTranscript(others, place, now), messages],
      [composeTranscript(messages, place, now), others],
      [orphaned.toReversed(), messages],
    ] as const) {
      const stored = storeTranscript(
        meant,
        { ...place, sessionId: crypto.randomUUID() },
        now,
        (_, at) => writeTranscript(entries, at),
      )
      await expect(stored).rejects.toMatchObject({ code: 'server_error' })
    }
  })
})

describe('continueTranscript', () => {
  const added: ApiMessage[] = [{ role: 'user', content: [text('More')] }]

  it('adds to what is there, a line that was left half written too', async () => {
    for (const rest of ['', '{"parentUuid":"x","isSidech']) {
      const place = newPlace()
      await writeTranscript(composeTranscript(messages, place, now), place)
      const path = transcriptPath(place)
      await writeFile(path, rest, { flag: 'a' })
      const text = await continueTranscript(added, place, now)
      const whole = await readFile(path, 'utf8')
      expect(whole.endsWith(`\n${text}`)).toBe(true)
      const written = lines(whole)
      expect(JSON.parse(written.at(-2) ?? '')).toMatchObject({ message: added[0] })
    }
  })

  it('adds nothing where there is no transcript', async () => {
    expect(await continueTranscript(added, newPlace(), now)).toBeUndefined()
  })

  it('fails, and takes away what it added, where that is cut off', async () => {
    const place = newPlace()
    await writeTranscript(composeTranscript(messages, place, now), place)
    const path = transcriptPath(place)
    const before = await readFile(path, 'utf8')
    const continued = continueTranscript(added, place, now, (at, more) =>
      appendFile(at, more.slice(0, -40)),
    )
    await expect(continued).rejects.toMatchObject({ code: 'server_error' })
    expect(await readFile(path, 'utf8')).toBe(before)
  })
})
