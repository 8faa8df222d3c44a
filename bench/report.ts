import type { Spread } from './measure.ts'

/** A line of the table: what was measured of `claude -p` and of this server, and what it is held to. */
export type Row = { what: string; ratio: number; bar: number } & (
  { unit: 'ms'; baseline: Spread; own: Spread } | { unit: '/s'; baseline: number; own: number }
)

/** The rows as text, a line each. */
export function table(rows: readonly Row[]): string {
  const head = ['what', 'claude -p', 'this server', 'p95 of p50', 'ratio', 'bar']
  return [head, ...rows.map(cells)].map((line) => line.map(padded).join('')).join('\n')
}

const widths = [46, 18, 18, 12, 8, 10]

function padded(cell: string, column: number): string {
  const width = widths[column] ?? 0
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

function cells(row: Row): string[] {
  const { what, ratio, bar } = row
  if (row.unit === '/s') {
    const { baseline, own } = row
    return [
      what,
      `${baseline.toFixed(1)}/s`,
      `${own.toFixed(1)}/s`,
      '',
      ratio.toFixed(2),
      `>= ${bar}`,
    ]
  }
  const { baseline, own } = row
  const share = (own.p95 / own.p50).toFixed(2)
  return [what, middle(baseline), middle(own), share, ratio.toFixed(2), `<= ${bar}`]
}

function middle({ p50, least, most }: Spread): string {
  return `${p50.toFixed(0)} (${least.toFixed(0)}-${most.toFixed(0)}) ms`
}
