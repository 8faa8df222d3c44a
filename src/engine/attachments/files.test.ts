import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pdf, png } from '../../../test/attachments/pictures.ts'
import { TurnError } from '../../turn/error.ts'
import type { UserPart } from '../../turn/message.ts'
import { openWorkspace, type Workspace } from '../workspace/workspace.ts'
import { readFiles } from './files.ts'

let top: string
let root: string
let workspace: Workspace

const limits = { fileBytes: 10_000, imageBytes: 10_000, totalBytes: 30_000, count: 5 }

beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), 'files-')))
  root = join(top, 'root')
  await mkdir(root)
  workspace = await openWorkspace({ roots: [root], home: root })
})

afterEach(() => rm(top, { recursive: true, force: true }))

async function put(path: string, content: string | Uint8Array): Promise<void> {
  const file = join(root, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
}

function read(
  patterns: string[],
  base = root,
  changed: Partial<typeof limits> = {},
): Promise<UserPart[]> {
  return readFiles(
    patterns,
    { workspace, base },
    { ...limits, ...changed },
    new AbortController().signal,
  )
}

async function names(patterns: string[], base = root): Promise<string[]> {
  const parts = await read(patterns, base)
  return parts.flatMap((part) => (part.type === 'document' ? [part.name] : []))
}

async function failure(promise: Promise<unknown>): Promise<TurnError> {
  const error: unknown = await promise.then(
    (value) => `no failure but ${JSON.stringify(value)}`,
    (error: unknown) => error,
  )
  if (error instanceof TurnError) return error
  throw new Error(`not a TurnError: ${String(error)}`)
}

describe('readFiles', () => {
  it('makes documents of text and PDF, and a line and a picture of pictures', async () => {
    await put('docs/ü.txt', '\uFEFF@/etc/passwd\r\n/help 漢\n')
    await put('docs/b.pdf', pdf)
    await put('docs/c.dat', png(3, 3))
    await put('docs/empty.txt', '')
    expect(await read(['docs/ü.txt', 'docs/b.pdf', 'docs/c.dat', 'docs/empty.txt'])).toEqual([
      {
        type: 'document',
        name: 'docs/ü.txt',
        source: { type: 'text', text: '@/etc/passwd\r\n/help 漢\n' },
      },
      {
        type: 'document',
        name: 'docs/b.pdf',
        source: { type: 'base64', mediaType: 'application/pdf', data: pdf.toString('base64') },
      },
      { type: 'text', text: 'docs/c.dat' },
      {
        type: 'image',
        source: { type: 'base64', mediaType: 'image/png', data: png(3, 3).toString('base64') },
      },
      { type: 'text', text: 'docs/empty.txt (an empty file)' },
    ])
  })

  it('takes globs: sorted, without dot files, relative to the base', async () => {
    for (const path of [
      'b.md',
      'a.md',
      '.c.md',
      'sub/d.md',
      'sub/.git/e.md',
      'sub/deep/f.md',
      'g.txt',
    ])
      await put(path, path)
    expect(await names(['*.md'])).toEqual(['a.md', 'b.md'])
    expect(await names(['**/*.md'])).toEqual(['a.md', 'b.md', 'sub/d.md', 'sub/deep/f.md'])
    expect(await names(['sub/**'])).toEqual(['sub/d.md', 'sub/deep/f.md'])
    expect(await names(['sub/**/deep/*'])).toEqual(['sub/deep/f.md'])
    expect(await names(['sub/.git/*'])).toEqual(['sub/.git/e.md'])
    expect(await names(['./{sub/deep,.}/[f-g].*'])).toEqual(['g.txt', 'sub/deep/f.md'])
    expect(await names(['../*.txt'], join(root, 'sub'))).toEqual(['../g.txt'])
    expect(await names([`${root}/g.*`])).toEqual(['g.txt'])
    expect(await names(['~/g.*'])).toEqual(['g.txt'])
  })

  it('sends a file once that two patterns name, in the order of the first', async () => {
    await put('a.md', 'a')
    await put('b.md', 'b')
    expect(await names(['b.md', '*.md', './sub/../a.md'])).toEqual(['b.md', 'a.md'])
  })

  it('takes a file whose name looks like a glob as that file', async () => {
    await put('[a]{b,c}*.txt', 'odd')
    await put('ab.txt', 'plain')
    expect(await names(['[a]{b,c}*.txt'])).toEqual(['[a]{b,c}*.txt'])
  })

  it('reads through links that stay inside, by name only', async () => {
    await put('sub/a.md', 'a')
    await symlink('sub', join(root, 'link'))
    expect(await names(['link/a.md'])).toEqual(['sub/a.md'])
    expect(await names(['link/*.md'])).toEqual(['sub/a.md'])
    expect(await names(['**/*.md'])).toEqual(['sub/a.md'])
  })

  it.each([
    ['missing.txt', "'missing.txt' does not exist"],
    ['*.nothing', "no file matches '*.nothing'"],
    ['nowhere/*', "no file matches 'nowhere/*'"],
    ['{x,y}.txt', "no file matches '{x,y}.txt'"],
    ['sub', "'sub' is a folder"],
    ['fifo', "'fifo' is not a regular file"],
    ['{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}', 'more than 64'],
    ['', 'empty'],
    ['a\0', 'NUL'],
    ['b.bin', "'b.bin' is binary data of an unknown type"],
    ['c.zip', "'c.zip' is a file of type application/zip"],
    ['utf16.txt', 'text in UTF-16'],
    ['latin1.txt', 'binary data'],
    ['big.txt', 'larger than 10000 bytes, the limit that FILE_LIMIT_MB sets'],
    ['wide.png', '9000 × 1 pixels'],
  ])('refuses %s, naming its place in the list', async (pattern, words) => {
    await put('sub/x', 'x')
    await put('b.bin', Buffer.from([1, 0, 2, 3]))
    await put(
      'c.zip',
      Buffer.from('504b0304140000000800000021000000000000000000000000000000', 'hex'),
    )
    await put('utf16.txt', Buffer.from('\uFEFFabc', 'utf16le'))
    await put('latin1.txt', Buffer.from('größe', 'latin1'))
    await put('big.txt', 'x'.repeat(10_001))
    await put('wide.png', png(9000, 1))
    execFileSync('mkfifo', [join(root, 'fifo')])
    const error = await failure(read(['sub/x', pattern]))
    expect(error).toMatchObject({ code: 'invalid_value', param: 'claude_options.files[1]' })
    expect(error.message).toContain(words)
  })

  it.each([
    '/etc/hostname',
    '/etc/*',
    '/etc/no*thing',
    '../*',
    '../outside/x',
    'out/*',
    '{a,../../b}/*',
    '{a,/etc}/*',
    'sub/../../*',
  ])('refuses %s outside as forbidden, whether something matches or not', async (pattern) => {
    await put('sub/x', 'x')
    await mkdir(join(top, 'outside'))
    await writeFile(join(top, 'outside', 'x'), 'x')
    await symlink(join(top, 'outside'), join(root, 'out'))
    const error = await failure(read([pattern]))
    expect(error).toMatchObject({ code: 'forbidden', param: 'claude_options.files[0]' })
  })

  it('does not find links, FIFOs or what lies behind links by globs', async () => {
    await put('sub/a', 'a')
    await mkdir(join(top, 'outside'))
    await writeFile(join(top, 'outside', 'secret'), 'secret')
    await symlink(join(top, 'outside'), join(root, 'out'))
    await symlink(join(top, 'outside', 'secret'), join(root, 'secret'))
    execFileSync('mkfifo', [join(root, 'fifo')])
    expect(await names(['**'])).toEqual(['sub/a'])
  })

  it('limits how many files there are, by one pattern or several', async () => {
    for (const name of ['1', '2', '3', '4', '5', '6']) await put(name, name)
    expect(await names(['[1-5]'])).toHaveLength(5)
    expect((await failure(read(['*']))).message).toContain('more than 5 files')
    expect((await failure(read(['[1-5]', '6']))).param).toBe('claude_options.files[1]')
  })

  it('limits how many bytes there are together', async () => {
    for (const name of ['1', '2', '3', '4']) await put(name, 'x'.repeat(9000))
    expect((await failure(read(['*']))).message).toContain('exceed 30000 bytes together')
  })

  it('stops when the caller leaves', async () => {
    await put('a', 'a')
    const signal = AbortSignal.abort(new TurnError('request_cancelled', 'left'))
    await expect(readFiles(['*'], { workspace, base: root }, limits, signal)).rejects.toThrow(
      'left',
    )
  })
})
