import { readFileSync } from 'node:fs'

type Package = { scripts: { start: string } }

/** The options of Node with which `npm start` runs the server: what is measured is what people run. */
export function nodeOptions(): string[] {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const [, options = ''] =
    /node ((?:--\S+ )*)dist\/main\.js/.exec((JSON.parse(file) as Package).scripts.start) ?? []
  return options.split(' ').filter((option) => option !== '')
}
