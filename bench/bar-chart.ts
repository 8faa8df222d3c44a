const width = 640
const rowHeight = 30
const labelWidth = 240

/** A bar for each ratio, with its bar to reach as a mark, as an SVG document. */
export function barChart(
  title: string,
  rows: readonly { what: string; ratio: number; bar?: number }[],
): string {
  const height = 50 + rows.length * rowHeight
  const largest = Math.max(...rows.map(({ ratio, bar = 0 }) => Math.max(ratio, bar)))
  const x = (value: number) => labelWidth + (value / largest) * (width - labelWidth - 60)
  const lines = rows.flatMap(({ what, ratio, bar }, index) => {
    const y = 40 + index * rowHeight
    const mark =
      bar === undefined
        ? []
        : [
            `<line x1="${x(bar).toFixed(1)}" x2="${x(bar).toFixed(1)}" y1="${y}" y2="${y + 20}" stroke="#b91c1c" stroke-width="2"/>`,
          ]
    return [
      `<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${what.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${(x(ratio) - labelWidth).toFixed(1)}" height="20" fill="#b45309"/>`,
      `<text x="${(x(ratio) + 6).toFixed(1)}" y="${y + 15}">${ratio.toFixed(2)}</text>`,
      ...mark,
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="22" font-size="14">${title}</text>`,
    ...lines,
    '</svg>\n',
  ].join('\n')
}
