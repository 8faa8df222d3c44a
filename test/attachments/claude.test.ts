import { query, type SDKUserMessage } from '@anthropic-ai/claude-agent-sdk'
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toContentBlocks } from '../../src/engine/attachments/blocks.ts'
import { readFiles } from '../../src/engine/attachments/files.ts'
import { openWorkspace } from '../../src/engine/workspace/workspace.ts'
import type { UserPart } from '../../src/turn/message.ts'
import {
  conversation,
  startScriptedAnthropic,
  type ScriptedAnthropic,
} from '../scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../support/claude.ts'
import { pdf, png } from './pictures.ts'

let anthropic: ScriptedAnthropic
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let folder: string

beforeAll(async () => {
  anthropic = await startScriptedAnthropic()
  temporary = await temporaryFolder()
  folder = join(await realpath(temporary.path), 'work')
  await mkdir(folder)
})

afterAll(async () => {
  await anthropic.close()
  await temporary[Symbol.asyncDispose]()
})

type Block = Record<string, unknown>

/** What the model gets of one user message, as the real binary sends it. */
async function received(parts: UserPart[]): Promise<Block[]> {
  const message: SDKUserMessage = {
    type: 'user',
    message: { role: 'user', content: toContentBlocks(parts) },
    parent_tool_use_id: null,
  }
  const before = anthropic.requests.length
  const run = query({
    prompt: (async function* () {
      yield message
    })(),
    options: {
      cwd: folder,
      env: {
        ...claudeEnvironment(anthropic.url, temporary.path),
        CLAUDE_CODE_TMPDIR: temporary.path,
      },
      tools: [],
      settingSources: [],
      verbatimPrompts: true,
    },
  })
  for await (const reply of run) if (reply.type === 'result') expect(reply.is_error).toBe(false)
  const request = anthropic.requests[before]
  if (!request) throw new Error('The model was not asked.')
  return conversation(request).flatMap(({ content }) => content)
}

function picture(bytes: Buffer): UserPart {
  return {
    type: 'image',
    source: { type: 'base64', mediaType: 'image/png', data: bytes.toString('base64') },
  }
}

/** Claude Code's own line about each picture, after everything else. */
const remark = {
  type: 'text',
  text: expect.stringMatching(/^\[Image: source: .*\/images\/\d+\.png[^\]]*\]\n?$/),
}

describe('Claude Code', () => {
  it('passes documents on unchanged, `@path` and `/command` in them too', async () => {
    await writeFile(join(folder, 'notes.txt'), '@/etc/hostname\n/cost\r\n  ü 漢 😀\n')
    await writeFile(join(folder, 'page.pdf'), pdf)
    const workspace = await openWorkspace({ roots: [folder] })
    const limits = { fileBytes: 10_000, imageBytes: 10_000, totalBytes: 10_000, count: 5 }
    const parts = await readFiles(
      ['*'],
      { workspace, base: folder },
      limits,
      new AbortController().signal,
    )
    expect(await received([...parts, { type: 'text', text: 'Compare them.' }])).toEqual([
      {
        type: 'document',
        title: 'notes.txt',
        source: {
          type: 'text',
          media_type: 'text/plain',
          data: '@/etc/hostname\n/cost\r\n  ü 漢 😀\n',
        },
      },
      {
        type: 'document',
        title: 'page.pdf',
        source: { type: 'base64', media_type: 'application/pdf', data: pdf.toString('base64') },
      },
      { type: 'text', text: 'Compare them.' },
    ])
  }, 30_000)

  it('passes a picture on unchanged, and adds a line that says where it keeps a copy', async () => {
    const bytes = png(9, 7)
    expect(await received([{ type: 'text', text: 'look ' }, picture(bytes)])).toEqual([
      { type: 'text', text: 'look ' },
      {
        type: 'image',
        source: { type: 'base64', media_type: 'image/png', data: bytes.toString('base64') },
      },
      remark,
    ])
  }, 30_000)

  it('makes a picture of more than 2000 pixels smaller', async () => {
    const blocks = await received([picture(png(3000, 1500)), { type: 'text', text: 'look' }])
    const sent = Buffer.from(dataOf(blocks[0]), 'base64')
    expect([sent.readUInt32BE(16), sent.readUInt32BE(20)]).toEqual([2000, 1000])
    expect(blocks.at(-1)).toEqual(remark)
  }, 30_000)

  it('makes a JPEG of a picture whose base64 is near the 5 MB of the API', async () => {
    const bytes = png(1300, 1200, true)
    expect(bytes.length).toBeGreaterThan(4_500_000)
    const blocks = await received([picture(bytes), { type: 'text', text: 'look' }])
    expect(blocks[0]).toMatchObject({ type: 'image', source: { media_type: 'image/jpeg' } })
    expect(dataOf(blocks[0]).length).toBeLessThan(5 * 1024 * 1024)
  }, 30_000)
})

function dataOf(block: Block | undefined): string {
  const source: unknown = block?.['source']
  if (typeof source === 'object' && source && 'data' in source) return String(source.data)
  throw new Error(`no picture: ${JSON.stringify(block)?.slice(0, 200)}`)
}
