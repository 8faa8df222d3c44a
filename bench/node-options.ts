import { readFileSync } from 'node:fs'

type Package = { scripts: { start: string } }

/**
 * The options of Node with which `npm start` runs the server: what is measured is what people run. None where the settings bring their own
 * (`NODE_OPTIONS`), over which these would win.
 */
export function nodeOptions(settings: Record<string, string>): string[] {
  if (settings['NODE_OPTIONS'] !== undefined) return []
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { start } = (JSON.parse(file) as Package).scripts
  const options = /node ((?:--\S+ )+)dist\/main\.js$/.exec(start)?.[1]
  if (options === undefined) throw new Error(`npm start gives Node no options: ${start}`)
  return options.trim().split(' ')
}
