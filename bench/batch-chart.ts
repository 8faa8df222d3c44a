export type BatchBar = { what: string; perSecond: number; memoryMb: number }

const width = 720
const rowHeight = 30
const labelWidth = 190
const panelWidth = (width - labelWidth) / 2
const barRoom = panelWidth - 70

/** Lines a second and memory, a row for each batch, as an SVG document. Bars of one column have one scale, from zero. */
export function batchChart(title: string, rows: readonly BatchBar[]): string {
  const height = 80 + rows.length * rowHeight
  const column = (index: 0 | 1, name: string, value: (row: BatchBar) => number): string[] => {
    const x = labelWidth + index * panelWidth
    const largest = Math.max(...rows.map(value))
    const bars = rows.flatMap((row, at) => {
      const y = 66 + at * rowHeight
      const length = (value(row) / largest) * barRoom
      const color = index === 0 ? '#b45309' : '#1d4ed8'
      return [
        `<rect x="${x}" y="${y}" width="${length.toFixed(1)}" height="20" fill="${color}"/>`,
        `<text x="${(x + length + 6).toFixed(1)}" y="${y + 15}">${shown(value(row))}</text>`,
      ]
    })
    return [`<text x="${x}" y="54">${name}</text>`, ...bars]
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="22" font-size="14">${title}</text>`,
    ...rows.map(
      ({ what }, at) =>
        `<text x="${labelWidth - 8}" y="${81 + at * rowHeight}" text-anchor="end">${what}</text>`,
    ),
    ...column(0, 'lines a second', ({ perSecond }) => perSecond),
    ...column(1, 'most memory of the server (MiB)', ({ memoryMb }) => memoryMb),
    '</svg>\n',
  ].join('\n')
}

function shown(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0)
}
