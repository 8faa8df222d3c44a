import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { openDatabase, openStore, type StoreOptions } from '../../src/storage/open-store.ts'
import { build } from '../api/server/built-server.ts'
import { describeEngines } from '../conformance/stores.ts'

const times = 50
const rowsOfGroup = 20

/** Lets a writer write for a while, kills it, and gives the groups that it was told are kept. */
async function killedWriter(options: StoreOptions, first: number): Promise<number[]> {
  const file = fileURLToPath(new URL('./storage-writer.js', import.meta.url))
  const args = [file, JSON.stringify(options), String(first)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  const begun = new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      resolve(undefined)
    })
  })
  const ended = once(child, 'close')
  await Promise.race([begun, ended])
  // Each time at another moment of what it does.
  await new Promise((resolve) => setTimeout(resolve, (first * 7) % 40))
  child.kill('SIGKILL')
  await ended
  // A number that was cut off was not told.
  const lines = said.slice(0, said.lastIndexOf('\n') + 1).trim()
  return lines === '' ? [] : lines.split('\n').map(Number)
}

/** How many rows there are of each group. */
async function groupsIn(options: StoreOptions): Promise<Map<number, number>> {
  const database = await openDatabase(options)
  const rows = await database.read((queries) =>
    queries.selectFrom('meta').select('name').where('name', 'like', 'group %').execute(),
  )
  await database.close()
  const groups = new Map<number, number>()
  for (const { name } of rows) {
    const group = Number(name.split(' ')[1])
    groups.set(group, (groups.get(group) ?? 0) + 1)
  }
  return groups
}

beforeAll(build, 180_000)

describeEngines('a store whose process is killed', (makePlace) => {
  it(
    `loses nothing that it said is kept, and keeps nothing by half, ${times} times`,
    { timeout: 180_000 },
    async () => {
      await using place = await makePlace()
      const told: number[] = []
      let first = 0
      for (let time = 0; time < times; time++) {
        told.push(...(await killedWriter(place.options, first)))
        first = Math.max(first + 1, ...told) + 100
      }
      const groups = await groupsIn(place.options)
      expect(told.filter((group) => !groups.has(group))).toEqual([])
      expect([...groups].filter(([, rows]) => rows !== rowsOfGroup)).toEqual([])
      expect(told.length).toBeGreaterThan(times)
    },
  )

  it(
    'is made once when processes start at the same time, and one of them is killed',
    { timeout: 60_000 },
    async () => {
      await using place = await makePlace()
      const command = { ...place.options, instance: 'command' as const }
      await Promise.all([0, 1_000_000, 2_000_000].map((from) => killedWriter(command, from)))
      const store = await openStore(place.options)
      expect(store.health()).toEqual({ ok: true })
      await store.close()
    },
  )
})
