const width = 640
const height = 360
const margin = 48

/** A line through points, with both axes from zero, as an SVG document. */
export function lineChart(
  title: string,
  points: readonly (readonly [x: number, y: number])[],
): string {
  const largest = (index: 0 | 1) => Math.max(...points.map((point) => point[index]), 1)
  const [maxX, maxY] = [largest(0), largest(1)]
  const x = (value: number) => margin + (value / maxX) * (width - 2 * margin)
  const y = (value: number) => height - margin - (value / maxY) * (height - 2 * margin)
  const place = ([px, py]: readonly [number, number]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin}" y="24" font-size="14">${title}</text>`,
    ...ticks.map(
      (share) =>
        `<line x1="${margin}" x2="${width - margin}" y1="${y(share * maxY)}" y2="${y(share * maxY)}" stroke="#ddd"/>`,
    ),
    ...ticks.map(
      (share) =>
        `<text x="${margin - 6}" y="${y(share * maxY) + 4}" text-anchor="end">${Math.round(share * maxY)}</text>`,
    ),
    ...ticks.map(
      (share) =>
        `<text x="${x(share * maxX)}" y="${height - margin + 18}" text-anchor="middle">${Math.round(share * maxX)}</text>`,
    ),
    `<polyline points="${points.map(place).join(' ')}" fill="none" stroke="#b45309" stroke-width="2"/>`,
    ...points.map(
      (point) =>
        `<circle cx="${x(point[0]).toFixed(1)}" cy="${y(point[1]).toFixed(1)}" r="3" fill="#b45309"/>`,
    ),
    '</svg>\n',
  ].join('\n')
}
