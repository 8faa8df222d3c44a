import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { errorTable } from '../../src/turn/error.ts'

it('docs/failover.md says for every error whether it moves on, as the error table does', async () => {
  const text = await readFile(new URL('../../docs/failover.md', import.meta.url), 'utf8')
  const rows = text
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => /^(?:yes|no)$/.test(cells[3] ?? ''))
    .map(([, failure, status, moves]) => [failure, status, moves])
  expect(rows).toEqual(
    Object.entries(errorTable).map(([code, { status, fallback, why }]) => [
      `\`${code}\`: ${why}`,
      String(status),
      fallback ? 'yes' : 'no',
    ]),
  )
})
