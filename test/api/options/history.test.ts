import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { beforeAll, describe, expect, it } from 'vitest'
import { png } from '../../attachments/pictures.ts'
import { question, said, stage, written } from './support.ts'

const shared = stage()

const user = (content: string) => ({ role: 'user' as const, content })
const assistant = (content: string) => ({ role: 'assistant' as const, content })
const text = (words: string) => ({ type: 'text' as const, text: words })

/** A conversation of so many messages before the question, each different. */
function conversationOf(earlier: number) {
  const messages = Array.from({ length: earlier }, (_, index) =>
    index % 2 === 0 ? user(`Question ${index}`) : assistant(`Answer ${index}`),
  )
  return [...messages, user('The last question')]
}

/** How the conversation must reach the model. */
function turnsOf(messages: { role: string; content: string }[]): string[] {
  return messages.map(({ role, content }) => `${role}: ${content}`)
}

describe('earlier messages', () => {
  it.each([2, 6])('reach the model as turns of their own, in order: %d', async (earlier) => {
    const messages = conversationOf(earlier)
    await shared.ask({}, { messages })
    expect(said(shared.request)).toEqual(turnsOf(messages))
    expect(shared.requests).toHaveLength(1)
  })

  it('reach the model as turns of their own, in order: 80', async () => {
    const messages = conversationOf(80)
    await shared.ask({}, { messages })
    expect(said(shared.request)).toEqual(turnsOf(messages))
    expect(shared.requests).toHaveLength(1)
  })

  it.each([
    ['few', 2],
    ['many', 80],
  ])('do so with tools and in a stream too: %s', async (_, earlier) => {
    const messages = conversationOf(earlier)
    await shared.stream({ tools: ['Read'], working_dir: shared.server.workspace }, { messages })
    expect(said(shared.request).filter((words) => !words.includes('<system-reminder>'))).toEqual(
      turnsOf(messages),
    )
  })

  it.each([
    ['few', 2],
    ['many', 80],
  ])('are a session that can be resumed: %s', async (_, earlier) => {
    const messages = conversationOf(earlier)
    const { claude } = await shared.ask({}, { messages })
    await shared.ask({ session_id: claude.session_id }, { messages: [user('And then?')] })
    expect(said(shared.request)).toEqual([
      ...turnsOf(messages),
      'assistant: Hello from the scripted model.',
      'user: And then?',
    ])
  })

  it('may be parts, and each part stays one', async () => {
    await shared.ask(
      {},
      {
        messages: [
          { role: 'user', content: [text('One.'), text('Two.')] },
          { role: 'assistant', content: [text('Three.'), text('Four.')] },
          { role: 'user', content: [text('Five.'), text('Six.')] },
        ],
      },
    )
    expect(said(shared.request)).toEqual([
      'user: One.|Two.',
      'assistant: Three.|Four.',
      'user: Five.|Six.',
    ])
  })

  it.each([
    ['few', 0],
    ['many', 80],
  ])('keep their pictures: %s', async (_, more) => {
    const picture = png(3, 2)
    const url = `data:image/png;base64,${picture.toString('base64')}`
    const content = [text('Look.'), { type: 'image_url' as const, image_url: { url } }]
    const messages = [
      { role: 'user' as const, content },
      assistant('I see.'),
      ...conversationOf(more),
    ]
    await shared.ask({}, { messages })
    expect(written(shared.request)[0]).toEqual({
      role: 'user',
      content: [
        text('Look.'),
        {
          type: 'image',
          source: { type: 'base64', media_type: 'image/png', data: picture.toString('base64') },
        },
      ],
    })
    expect(written(shared.request)).toHaveLength(messages.length)
  })

  it.each(['', ' ', '\n', 'a line\nanother\n', '  indented', 'ünï 😀 漢字'])(
    'and the question keep their words: %j',
    async (words) => {
      await shared.ask(
        {},
        { messages: [user(`1${words}2`), assistant(`3${words}4`), user(`5${words}6`)] },
      )
      expect(said(shared.request)).toEqual([
        `user: 1${words}2`,
        `assistant: 3${words}4`,
        `user: 5${words}6`,
      ])
    },
  )
})

describe('@path and /command', () => {
  const words = 'words of a file on the server'
  let texts: string[]
  beforeAll(async () => {
    const { workspace } = shared.server
    const file = join(workspace, 'notes.txt')
    await writeFile(file, words)
    await mkdir(join(workspace, '.claude', 'commands'), { recursive: true })
    await writeFile(join(workspace, '.claude', 'commands', 'deploy.md'), `${words} $ARGUMENTS`)
    texts = [
      '@/etc/hostname',
      `See @${file} and @notes.txt`,
      '/cost',
      '/clear',
      '/deploy now',
      '!ls',
      '#note',
    ]
  })

  /** Asks with each text in the place, with everything on that could read it as more than text. */
  async function expectText(place: (text: string) => ChatCompletionMessageParam[]): Promise<void> {
    for (const words of texts) {
      shared.requests.splice(0)
      const options = { working_dir: shared.server.workspace, project_settings: true }
      await shared.ask(options, { messages: place(words) })
      expect(shared.requests).toHaveLength(1)
      expect(said(shared.request).some((line) => line.endsWith(words))).toBe(true)
      expect(JSON.stringify(shared.request.body)).not.toContain('words of a file')
    }
  }

  it('stay text in string content', async () => {
    await expectText((words) => [user(words)])
    expect(question(shared.request)).toEqual([text('#note')])
  })

  it('stay text in parts', async () => {
    await expectText((words) => [{ role: 'user', content: [text('First.'), text(words)] }])
  })

  it('stay text in older messages of the user', async () => {
    await expectText((words) => [user(words), assistant('Yes.'), user('Go.')])
  })

  it('stay text in older messages of the assistant', async () => {
    await expectText((words) => [user('Say it.'), assistant(words), user('Go.')])
  })

  it('stay text in a long history', async () => {
    await expectText((words) => [
      ...conversationOf(80).slice(0, -1),
      user(words),
      assistant('Yes.'),
      user(words),
    ])
  })

  it('stay text in a resumed session', async () => {
    const { claude } = await shared.ask({ working_dir: shared.server.workspace })
    shared.requests.splice(0)
    await shared.ask(
      { session_id: claude.session_id },
      { messages: [user('@/etc/hostname @notes.txt')] },
    )
    expect(question(shared.request)).toEqual([text('@/etc/hostname @notes.txt')])
    await shared.ask({ session_id: claude.session_id }, { messages: [user('/cost')] })
    expect(question(shared.request)).toEqual([text('/cost')])
  })
})
