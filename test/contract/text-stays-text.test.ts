import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { query } from '@anthropic-ai/claude-agent-sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { feed } from '../../src/engine/conversation/history.ts'
import { composeTranscript, writeTranscript } from '../../src/engine/conversation/transcript.ts'
import { defaultClaudeOptions } from '../../src/turn/claude-options.ts'
import { conversation } from '../scripted-anthropic/server.ts'
import { clock, Stage, type StartOptions } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

/** In the file that the texts point at; it must never reach the API. */
const words = 'words of a file on the server'
/** What the custom command would make of itself. */
const command = 'the text of a custom command'
const file = join(stage.folder, 'notes.txt')
const mention = `Compare @notes.txt with @${file} and @"notes.txt"`

beforeAll(async () => {
  await writeFile(file, words)
  await mkdir(join(stage.folder, '.claude', 'commands'), { recursive: true })
  await writeFile(join(stage.folder, '.claude', 'commands', 'deploy.md'), `${command} $ARGUMENTS`)
})

/** What the API received since, without the notes of role `system`, and whether the file was in any of it. */
function received(since = 0) {
  const requests = stage.anthropic.requests.slice(since)
  return {
    asked: requests.length,
    fileRead: requests.some(({ body }) => JSON.stringify(body).includes(words)),
    text: requests.map((request) => conversation(request)),
  }
}

async function mentioned(start: StartOptions, text = mention) {
  const since = stage.anthropic.requests.length
  await using process = await stage.start(start)
  await process.turn(text)
  return received(since)
}

/** The same without the mark on the message that it is to stay as it is. */
async function unmarked(start: StartOptions, text = mention) {
  const since = stage.anthropic.requests.length
  await using process = await stage.start(start)
  process.command(text)
  await process.result()
  return received(since)
}

const withoutAttachmentsBelt = { environment: { CLAUDE_CODE_DISABLE_ATTACHMENTS: undefined } }

describe('@path in a message', () => {
  it('stays text in string content', async () => {
    const since = stage.anthropic.requests.length
    const session = query({
      prompt: (async function* () {
        yield {
          type: 'user' as const,
          message: { role: 'user' as const, content: mention },
          parent_tool_use_id: null,
        }
        // The input stays open until the query is closed.
        await new Promise(() => {})
      })(),
      options: stage.options(),
    })
    for await (const message of session) if (message.type === 'result') break
    const { asked, fileRead, text } = received(since)
    expect({ asked, fileRead }).toEqual({ asked: 1, fileRead: false })
    expect(text[0]).toEqual([{ role: 'user', content: [{ type: 'text', text: mention }] }])
  })

  it('stays text in every part and in fed messages', async () => {
    const since = stage.anthropic.requests.length
    await using process = await stage.start()
    const earlier = { role: 'user', content: [{ type: 'text', text: mention }] } as const
    const answer = {
      role: 'assistant',
      content: [{ type: 'text', text: `See ${mention}` }],
    } as const
    await feed(
      process,
      [
        { ...earlier, content: [...earlier.content] },
        { ...answer, content: [...answer.content] },
      ],
      clock(),
    )
    const parts = [mention, `Again ${mention}`].map((text) => ({ type: 'text' as const, text }))
    await process.turn(parts)
    const { asked, fileRead, text } = received(since)
    expect({ asked, fileRead }).toEqual({ asked: 1, fileRead: false })
    expect(text[0]).toEqual([earlier, answer, { role: 'user', content: parts }])
  })

  it('stays text in a resumed transcript', async () => {
    const place = {
      claudeDir: stage.configDir,
      folder: stage.folder,
      sessionId: crypto.randomUUID(),
      version: stage.claude.version,
    }
    const earlier = { role: 'user' as const, content: [{ type: 'text' as const, text: mention }] }
    const answer = {
      role: 'assistant' as const,
      content: [{ type: 'text' as const, text: mention }],
    }
    await writeTranscript(composeTranscript([earlier, answer], place, new Date()), place)
    const { fileRead, text } = await mentioned({ decisions: { composed: place.sessionId } })
    expect(fileRead).toBe(false)
    expect(text[0]).toEqual([earlier, answer, earlier])
  })

  it('stays text by client_composed alone', async () => {
    const { fileRead, text } = await mentioned(withoutAttachmentsBelt)
    expect(fileRead).toBe(false)
    expect(text[0]).toEqual([{ role: 'user', content: [{ type: 'text', text: mention }] }])
  })

  it('stays text by CLAUDE_CODE_DISABLE_ATTACHMENTS alone', async () => {
    const { fileRead } = await unmarked({})
    expect(fileRead).toBe(false)
  })

  it('reads the file when both belts are off, which is why they are on', async () => {
    const { fileRead } = await unmarked(withoutAttachmentsBelt)
    expect(fileRead).toBe(true)
  })
})

describe('/command in a message', () => {
  const commands = ['/cost', '/clear', '/deploy now', '/compact']

  it.each([
    ['with both belts on', {}],
    ['by client_composed alone', withoutAttachmentsBelt],
  ])('stays text and reaches the model %s', async (_, belts) => {
    const since = stage.anthropic.requests.length
    const turn = { claude: { ...defaultClaudeOptions, projectSettings: true } }
    await using process = await stage.start({ turn, ...belts })
    for (const text of commands) await process.turn(text)
    const { asked, text } = received(since)
    expect(asked).toBe(commands.length)
    const said = text.at(-1)?.flatMap(({ role, content }) => (role === 'user' ? content : []))
    expect(said).toEqual(commands.map((text) => ({ type: 'text', text })))
  })

  it('runs when a message is not marked, which is why each is', async () => {
    const turn = { claude: { ...defaultClaudeOptions, projectSettings: true } }
    const cost = await unmarked({ turn }, '/cost')
    expect(cost.asked).toBe(0)
    const deploy = await unmarked({ turn }, '/deploy now')
    expect(JSON.stringify(deploy.text)).toContain(`${command} now`)
  })
})
