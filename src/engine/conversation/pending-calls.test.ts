import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Message } from '../../turn/message.ts'
import { checkPending, pendingCalls } from './pending-calls.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pending-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function pendingOf(...entries: (object | string)[]): Promise<string[]> {
  const path = join(folder, `${crypto.randomUUID()}.jsonl`)
  const lines = entries.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry)))
  await writeFile(path, lines.map((line) => `${line}\n`).join(''))
  return pendingCalls(path)
}

const user = (content: unknown, more: object = {}) => ({
  type: 'user',
  isSidechain: false,
  message: { role: 'user', content },
  ...more,
})
const text = (value: string) => ({ type: 'text', text: value })
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'ü' })
const deferred = (toolUseID: string) => ({
  type: 'attachment',
  isSidechain: false,
  attachment: { type: 'hook_deferred_tool', toolUseID, toolName: 'f' },
})
const other = { type: 'cost-state', total: 1 }

describe('pendingCalls', () => {
  it('finds the calls behind the last question, in their order', async () => {
    expect(
      await pendingOf(user('Hi'), deferred('a'), deferred('b'), other, '{"type":"user","isSi'),
    ).toEqual(['a', 'b'])
  })

  it('leaves out what has its result, a built-in tool’s among them', async () => {
    expect(await pendingOf(user('Hi'), deferred('a'), user([result('built-in')]))).toEqual(['a'])
    expect(await pendingOf(user('Hi'), deferred('a'), deferred('b'), user([result('b')]))).toEqual([
      'a',
    ])
    expect(await pendingOf(user('Hi'), deferred('a'), user([result('a')]), other)).toEqual([])
  })

  it('leaves out what the user has spoken after', async () => {
    expect(await pendingOf(user('Hi'), deferred('a'), user('Never mind'))).toEqual([])
    expect(
      await pendingOf(user('Hi'), deferred('a'), user([result('a'), text('Go on')]), deferred('b')),
    ).toEqual(['b'])
  })

  it('does not look into other conversations of the same transcript', async () => {
    const aside = { ...deferred('x'), isSidechain: true }
    const asked = user('Hi', { isSidechain: true })
    expect(await pendingOf(user('Hi'), deferred('a'), aside, asked)).toEqual(['a'])
  })

  it('finds none where there is no transcript, or nothing in it', async () => {
    expect(await pendingCalls(join(folder, 'none.jsonl'))).toEqual([])
    expect(await pendingOf()).toEqual([])
    expect(await pendingOf('')).toEqual([])
  })
})

const of = (callId: string): Message => ({ role: 'tool', callId, content: [] })
const says: Message = { role: 'user', content: [{ type: 'text', text: 'x' }] }

describe('checkPending', () => {
  it('takes each result once it is waited for, words behind them too', () => {
    expect(() => checkPending(['a', 'b'], [of('b'), of('a'), says])).not.toThrow()
    expect(() => checkPending([], [says])).not.toThrow()
  })

  it.each<[string[], Message[], RegExp]>([
    [['a', 'b'], [says], /results of these calls: a, b\./],
    [['a', 'b'], [of('a')], /results of these calls: b\./],
    [['a'], [of('a'), of('c')], /no open calls with these ids: c\. It waits for: a\./],
    [[], [of('c')], /no open calls with these ids: c\. It waits for none\./],
  ])('names the ids where %j waits and %j comes', (pending, told, message) => {
    expect(() => checkPending(pending, told)).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        param: 'messages',
        message: expect.stringMatching(message),
      }),
    )
  })
})
