import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SessionFile } from './sessions.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sessions-'))
})
afterEach(() => rm(folder, { recursive: true }))

const path = () => join(folder, 'data', 'sessions.jsonl')
const session = (id: string, owner = 'a', place = '/x') => ({ id, owner, folder: place, usedAt: 1 })

describe('SessionFile', () => {
  it('finds a session again after a restart', async () => {
    const first = await SessionFile.open(path())
    await first.record(session('1'))
    expect((await SessionFile.open(path())).find('1', 'a')).toEqual(session('1'))
  })

  it('hides a session from other owners', async () => {
    const file = await SessionFile.open(path())
    await file.record(session('1', 'a'))
    expect(file.find('1', 'b')).toBeUndefined()
    expect(file.latest('b', '/x')).toBeUndefined()
  })

  it('knows the most recently used session of a folder', async () => {
    const file = await SessionFile.open(path())
    for (const id of ['1', '2', '1']) await file.record(session(id))
    await file.record(session('3', 'a', '/y'))
    expect(file.latest('a', '/x')?.id).toBe('1')
  })

  it('keeps a bounded number over restarts, the newest', async () => {
    const file = await SessionFile.open(path())
    for (let index = 0; index < 10; index++) await file.record(session(String(index)))
    const reopened = await SessionFile.open(path(), 3)
    expect([reopened.find('6', 'a'), reopened.find('7', 'a')?.id]).toEqual([undefined, '7'])
    expect((await readFile(path(), 'utf8')).trim().split('\n')).toHaveLength(3)
  })

  it('passes over a line that a crash cut short', async () => {
    await (await SessionFile.open(path())).record(session('1'))
    await writeFile(path(), '{"id":"2","own', { flag: 'a' })
    expect((await SessionFile.open(path())).find('1', 'a')?.id).toBe('1')
  })
})
