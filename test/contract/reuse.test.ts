import { readFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { startOver } from '../../src/engine/processes/start-over.ts'
import { transcriptPath } from '../../src/engine/conversation/transcript.ts'
import { conversation, type RecordedRequest } from '../scripted-anthropic/server.ts'
import { clock, Stage, type TestProcess } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

const place = { claudeDir: stage.configDir, folder: stage.folder }
const turn = { instructions: ['Be brief.'] }

function text(value: string) {
  return { role: 'user', content: [{ type: 'text', text: value }] }
}
const answer = {
  role: 'assistant',
  content: [{ type: 'text', text: 'Hello from the scripted model.' }],
}

/** What the API gets, without what names the session and the device. */
function seen({ body, headers }: RecordedRequest) {
  const { metadata, ...rest } = body
  expect(JSON.stringify(metadata)).toContain('session')
  const { host: _host, 'content-length': _length, ...others } = headers
  const named = Object.entries(others).filter(
    ([name]) => !/session-id|request-id|retry-count/.test(name),
  )
  return { rest, headers: Object.fromEntries(named) }
}

async function asked(process: TestProcess, question: string) {
  const result = await process.turn(question)
  return { session: result.session_id, request: stage.lastRequest }
}

describe('a process that starts over', () => {
  it('asks the API what one asks that was just started', async () => {
    await using reused = await stage.start({ turn })
    await asked(reused, 'A first conversation @notes.txt')
    await asked(reused, 'and more of it')
    await startOver(reused, place, clock())
    const again = await asked(reused, 'Another conversation')
    await using fresh = await stage.start({ turn })
    const first = await asked(fresh, 'Another conversation')
    expect(seen(again.request)).toEqual(seen(first.request))
  })

  it('begins a session of its own each time, and each is resumed as it was', async () => {
    const sessions: string[] = []
    {
      await using reused = await stage.start({ turn })
      for (const question of ['One', 'Two', 'Three']) {
        const { session } = await asked(reused, question)
        sessions.push(session)
        await startOver(reused, place, clock())
      }
    }
    expect(new Set(sessions).size).toBe(3)
    for (const [index, question] of ['One', 'Two', 'Three'].entries()) {
      await using resumed = await stage.start({ decisions: { resume: sessions[index] ?? '' } })
      const { request, session } = await asked(resumed, 'Go on')
      expect(session).toBe(sessions[index])
      expect(conversation(request)).toEqual([text(question), answer, text('Go on')])
    }
  })

  it('goes on in its new conversation like any other', async () => {
    await using reused = await stage.start({ turn })
    await asked(reused, 'Before')
    const begun = await startOver(reused, place, clock())
    const { session } = await asked(reused, 'One')
    const { request } = await asked(reused, 'Two')
    expect(session).toBe(begun)
    expect(conversation(request)).toEqual([text('One'), answer, text('Two')])
  })

  it('tells the cost of each turn alone', async () => {
    await using reused = await stage.start({ turn })
    const { claude: before } = await reused.answered('Before')
    await startOver(reused, place, clock())
    const { claude: after } = await reused.answered('After')
    expect(after?.costUsd).toBeCloseTo(before?.costUsd ?? Number.NaN, 8)
  })
})

describe('/clear', () => {
  it('leaves three texts of its own, which is why they are taken out', async () => {
    await using process = await stage.start({ turn })
    await process.turn('Before')
    process.command('/clear')
    const { session_id } = await process.result()
    const { request } = await asked(process, 'After')
    expect(conversation(request)[0]?.content).toHaveLength(4)
    const written = await readFile(
      transcriptPath({ ...place, sessionId: session_id, version: '' }),
      'utf8',
    )
    expect(written).toContain('<command-name>/clear</command-name>')
  })

  it('cannot be rewound past what the caller has seen last, unless that is named', async () => {
    await using process = await stage.start({ turn })
    const target = process.command('/cost')
    await process.result()
    await process.turn('After')
    expect(await process.rewind(target, crypto.randomUUID())).toBe(false)
  })
})
