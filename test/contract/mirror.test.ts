import { readFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { SessionKey, SessionStore, SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk'
import { transcriptPath } from '../../src/engine/conversation/transcript.ts'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { Stage } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

/** A store that notes what it is given and has nothing to load. */
class Noted implements SessionStore {
  readonly appended: { key: SessionKey; entry: SessionStoreEntry }[] = []

  async append(key: SessionKey, entries: SessionStoreEntry[]): Promise<void> {
    this.appended.push(...entries.map((entry) => ({ key, entry })))
  }

  async load(): Promise<null> {
    return null
  }

  of(session: string): SessionStoreEntry[] {
    return this.appended.flatMap(({ key, entry }) => (key.sessionId === session ? [entry] : []))
  }
}

const wordsOf = (entries: SessionStoreEntry[]): string[] =>
  entries.flatMap(({ type, message }) =>
    type === 'user' || type === 'assistant' ? [JSON.stringify(message)] : [],
  )

const isChained = ({ uuid }: SessionStoreEntry): boolean => uuid !== undefined

describe('the mirror of a transcript', () => {
  it('has a whole turn, its answer too, before the result is told', async () => {
    const store = new Noted()
    await using process = await stage.start({ options: { sessionStore: store } })
    for (const [question, answer] of [
      ['First?', 'First.'],
      ['Second?', 'Second.'],
    ] as const) {
      stage.anthropic.enqueue(says(answer))
      const { session_id: session } = await process.turn(question)
      const words = wordsOf(store.of(session))
      expect(words.at(-2)).toContain(question)
      expect(words.at(-1)).toContain(answer)
    }
  })

  it('has every entry of the conversation in Claude Code’s own file, as it is', async () => {
    const store = new Noted()
    let session: string
    {
      await using process = await stage.start({
        options: { sessionStore: store, tools: ['Glob'] },
      })
      stage.anthropic.enqueue(
        callsTools([{ name: 'Glob', input: { pattern: '*' } }]),
        says('None.'),
      )
      ;({ session_id: session } = await process.turn('Which files?'))
    }
    const path = transcriptPath({
      claudeDir: stage.configDir,
      folder: stage.folder,
      sessionId: session,
      version: '',
    })
    const file = (await readFile(path, 'utf8')).trimEnd().split('\n')
    // Others are notes about the process, some of which it keeps to itself.
    const chain = store.of(session).filter(isChained)
    expect(chain).toEqual(file.map((line) => JSON.parse(line)).filter(isChained))
    expect(wordsOf(chain)).toHaveLength(4)
  })

  it('goes on from the file in the folder when the store has nothing to load', async () => {
    stage.anthropic.enqueue(says('Noted.'))
    let session: string
    {
      await using process = await stage.start()
      ;({ session_id: session } = await process.turn('Hello'))
    }
    const store = new Noted()
    await using resumed = await stage.start({
      options: { sessionStore: store },
      decisions: { resume: session },
    })
    stage.anthropic.enqueue(says('As before.'))
    await resumed.turn('And now?')
    expect(conversation(stage.lastRequest).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
    ])
    // What was there already is not told again.
    expect(wordsOf(store.of(session))).toHaveLength(2)
  })

  it('is told of the end of a process what would mislead another one that has gone on', async () => {
    const store = new Noted()
    let answered: number
    {
      await using process = await stage.start({ options: { sessionStore: store } })
      stage.anthropic.enqueue(says('Noted.'))
      await process.turn('Hello')
      answered = store.appended.length
    }
    const types = store.appended.slice(answered).map(({ entry }) => entry.type)
    expect(types).toContain('last-prompt')
    expect(wordsOf(store.appended.slice(answered).map(({ entry }) => entry))).toEqual([])
  })
})
