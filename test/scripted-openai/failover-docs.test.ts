import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { type ErrorRow, errorTable } from '../../src/turn/error.ts'
import { type FailureRow, failureKinds } from '../../src/turn/failure.ts'

it('docs/failover.md has a row for each kind of failure, as the table in the code says', async () => {
  const text = await readFile(new URL('../../docs/failover.md', import.meta.url), 'utf8')
  const rows = text
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => /^`[\w-]+`: /.test(cells[1] ?? '') && cells.length === 7)
    .map((cells) => cells.slice(1, -1))
  const codes = Object.entries<ErrorRow>(errorTable)
  expect(rows).toEqual(
    Object.entries<FailureRow>(failureKinds).map(([kind, { movesOn, repeats, breaker, why }]) => [
      `\`${kind}\`: ${why}`,
      codes
        .filter(([, row]) => row.kind === kind)
        .map(([code]) => `\`${code}\``)
        .join(', '),
      movesOn,
      repeats ? 'yes' : 'no',
      breaker,
    ]),
  )
})
