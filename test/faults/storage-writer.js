/**
 * A process that writes until it is killed, for storage-killed.test.ts: groups of rows, each in one transaction, many at a time. It says each
 * group's number only once it is told that the group is on the disk. Arguments: the options of the store, as JSON, and the first number.
 */
import { writeSync } from 'node:fs'
// Built: compiled at each of its many starts, it would take most of the time of the test.
import { openDatabase } from '../../dist/storage/open-store.js'

const [options = '{}', first = '0'] = process.argv.slice(2)
const database = await openDatabase(JSON.parse(options))
let next = Number(first)

async function writer() {
  for (;;) {
    const group = next++
    await database.write(async (queries) => {
      for (let row = 0; row < 20; row++) {
        await queries
          .insertInto('meta')
          .values({ name: `group ${group} row ${row}`, value: 'x'.repeat(200) })
          .execute()
      }
    })
    writeSync(1, `${group}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, writer))
