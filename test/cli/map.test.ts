import { mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { png } from '../attachments/pictures.ts'
import { callsTools, conversation, stalls } from '../scripted-anthropic/server.ts'
import { answering, type Desk, startDesk, stopOnce } from './jobs.ts'

type Mapped = {
  file: string
  answer: unknown
  finish_reason: string | null
  usage: { prompt_tokens: number } | null
  error: { status: number; message: string } | null
}

async function furnish(desk: Desk, files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(desk.folder, dirname(name)), { recursive: true })
    await desk.write(name, content)
  }
}

/** Documents that have their own names as questions, for `answering`. */
function documents(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`docs/${name}.md`, `# Question ${name}\n`]))
}

const ask = ['map', 'docs/**/*.md', '--prompt', 'Summarize this.'] as const

describe('`map`', { timeout: 180_000 }, () => {
  it('writes an answer for each document into a folder, and asks again only about what has changed', async () => {
    await using desk = await startDesk()
    await furnish(desk, { ...documents('a', 'deep/b'), 'docs/.hidden.md': 'x', 'docs/c.txt': 'x' })
    const run = [...ask, '--model', 'haiku', '--system', 'Be brief.', '-o', 'out'] as const
    const { status, out, err } = await desk.run(run)
    expect({ status, out }).toEqual({ status: 0, out: '' })
    expect(err).toContain('2 of 2 answered')
    expect(await desk.read('out/docs/a.md')).toBe('Answer to Question a.\n')
    expect(await desk.read('out/docs/deep/b.md')).toBe('Answer to Question deep.\n')
    expect((await readdir(join(desk.folder, 'out'), { recursive: true })).sort()).toEqual([
      'docs',
      'docs/a.md',
      'docs/deep',
      'docs/deep/b.md',
    ])
    const [request] = desk.anthropic.requests
    expect(request?.body.model).toContain('haiku')
    expect(JSON.stringify(request?.body.system)).toContain('Be brief.')

    desk.anthropic.requests.splice(0)
    await furnish(desk, { ...documents('new'), 'docs/a.md': '# Question changed' })
    await desk.write('out/docs/deep/b.md', 'mended by hand\n')
    const again = await desk.run(run)
    expect(again).toMatchObject({ status: 0 })
    expect(again.err).toContain('1 files were there already')
    expect(desk.questions().sort()).toEqual(['Question changed', 'Question new'])
    expect(await desk.read('out/docs/a.md')).toBe('Answer to Question changed.\n')
    expect(await desk.read('out/docs/deep/b.md')).toBe('mended by hand\n')
  })

  it('writes lines of JSON, failures among them, and goes on after Ctrl-C', async () => {
    await using desk = await startDesk()
    await furnish(desk, documents('a', 'b', 'wrong', 'z'))
    const run = [...ask, '-o', 'out.jsonl'] as const
    const settings = { MAX_TURNS: '1', SHUTDOWN_GRACE_SECONDS: '0.1' }
    desk.anthropic.respond = (request) =>
      desk.questions().length > 1 ? stalls() : answering(request)
    const stopped = await stopOnce(await desk.start(run, settings), 'one is answered', () => {
      return desk.questions().length === 2
    })
    expect(stopped.status).toBe(130)
    desk.anthropic.requests.splice(0)
    desk.anthropic.respond = answering
    const { status, err } = await desk.run(run, settings)
    expect(status).toBe(1)
    expect(err).toContain('3 of 4 answered · 1 failed')
    expect(err).toContain('docs/wrong.md: ')
    expect(desk.questions()).not.toContain('Question a')
    const lines = await desk.lines<Mapped>('out.jsonl')
    expect(lines.map(({ file, answer }) => [file, answer])).toEqual([
      ['docs/a.md', 'Answer to Question a.'],
      ['docs/b.md', 'Answer to Question b.'],
      ['docs/wrong.md', null],
      ['docs/z.md', 'Answer to Question z.'],
    ])
    expect(lines[0]).toMatchObject({ finish_reason: 'stop', error: null })
    expect(lines[0]?.usage?.prompt_tokens).toBeGreaterThan(0)
    expect(lines[2]?.error).toMatchObject({ status: 400 })
  })

  it('sends text, pictures and PDFs as what they are, with more fields, and prints values', async () => {
    await using desk = await startDesk()
    const pdf = '%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n'
    await furnish(desk, {
      'note.txt': 'A note with @path and /command.',
      'picture.png': png(2, 2),
      'paper.pdf': pdf,
      'schema.json': JSON.stringify({
        type: 'object',
        properties: { title: { type: 'string' } },
        required: ['title'],
      }),
    })
    desk.anthropic.respond = () => callsTools([{ name: 'StructuredOutput', input: { title: 'T' } }])
    const run = ['map', '*.{txt,png,pdf}', '--prompt', 'Give a title.', '--schema', 'schema.json']
    const more = [...run, '--body', '{"max_tokens": 77}']
    const dry = await desk.run([...more, '--dry-run'])
    expect(dry).toMatchObject({ status: 0 })
    expect(dry.err).toMatch(/^3 requests, \d+ bytes; nothing was asked\.\n$/)
    expect(desk.anthropic.requests).toEqual([])
    const sent = dry.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { body: { max_tokens: number } })
    expect(sent.map(({ body }) => body.max_tokens)).toEqual([77, 77, 77])

    const { status, out, err } = await desk.run(more)
    expect({ status, err }).toMatchObject({ status: 0 })
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Mapped)
    expect(lines.map(({ file, answer }) => [file, answer])).toEqual([
      ['note.txt', { title: 'T' }],
      ['paper.pdf', { title: 'T' }],
      ['picture.png', { title: 'T' }],
    ])
    const asked = desk.anthropic.requests.map((request) => JSON.stringify(conversation(request)))
    const withPart = (part: string): number => asked.filter((text) => text.includes(part)).length
    expect(withPart('"type":"image"')).toBe(1)
    expect(withPart('"type":"document"')).toBe(1)
    expect(withPart('A note with @path and /command.')).toBe(1)
    expect(withPart('Give a title.')).toBe(3)
  })

  it('names the documents that cannot be asked about, and asks nothing', async () => {
    await using desk = await startDesk()
    await furnish(desk, {
      ...documents('a'),
      'docs/empty.md': '',
      'docs/binary.md': Buffer.from([0, 1, 2, 3]),
      'docs/long.md': 'x'.repeat(3_000),
      'mine/docs/a.md': 'mine',
    })
    const failed = async (...args: string[]): Promise<string> => {
      const { status, out, err } = await desk.run(['map', ...args], { BODY_LIMIT_MB: '0.002' })
      expect({ status, out }).toEqual({ status: 2, out: '' })
      return err
    }
    const prompt = ['--prompt', 'x']
    const unreadable = await failed('docs/*.md', ...prompt)
    expect(unreadable).toContain('docs/binary.md is binary data of an unknown type')
    expect(unreadable).toContain('docs/empty.md is empty')
    expect(unreadable).toMatch(/docs\/long\.md is too large: .* BODY_LIMIT_MB allows 2097/)
    expect(await failed('docs/*.md')).toContain('Usage:')
    expect(await failed('docs', ...prompt)).toContain(
      'docs is a folder; name its documents, such as "docs/**/*.md"',
    )
    expect(await failed('*.nothing', ...prompt)).toContain('"*.nothing" finds no document')
    expect(await failed('docs/a.md', ...prompt, '-o', 'docs')).toContain('where the answers go')
    expect(await failed('docs/a.md', ...prompt, '-o', 'mine')).toContain(
      'mine/docs/a.md is there already',
    )
    expect(await failed('docs/a.md', ...prompt, '--schema', 'docs/a.md')).toContain(
      'not a JSON object',
    )
    expect(await failed(join(desk.folder, '..'), ...prompt)).toContain('is a folder')
    expect(desk.anthropic.requests).toEqual([])
    expect(await desk.read('mine/docs/a.md')).toBe('mine')

    const fine = await desk.run(['map', 'docs/*.md', '!docs/{empty,binary,long}.md', ...prompt])
    expect(fine).toMatchObject({ status: 0 })
    await expect(stat(join(desk.folder, 'out'))).rejects.toThrow()
  })
})
