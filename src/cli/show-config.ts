import { readSettings, type ConfigSources, type Reading } from '../config/read.ts'
import { loadConfig } from '../config/load.ts'
import type { Console } from './console.ts'

/** Prints every setting in force and where it came from, secrets left out. Throws `ConfigError` as the server would. */
export function showConfig(
  sources: ConfigSources,
  options: { json: boolean; console: Console },
): number {
  loadConfig(sources)
  const readings = readSettings(sources).readings.filter(isWorthShowing)
  if (options.json) {
    const settings = readings.map((reading) => [
      reading.variable,
      { value: value(reading) ?? null, origin: reading.origin },
    ])
    options.console.out(JSON.stringify(Object.fromEntries(settings), null, 2))
    return 0
  }
  for (const reading of readings) {
    const text = value(reading)
    options.console.out(
      text === undefined
        ? `# ${reading.variable} is not set`
        : `${reading.variable}=${text}  # ${reading.origin}`,
    )
  }
  return 0
}

/** Twenty absent fallback settings would hide the rest. */
function isWorthShowing(reading: Reading): boolean {
  return reading.text !== undefined || !reading.variable.startsWith('FALLBACK_')
}

function value(reading: Reading): string | undefined {
  return reading.text !== undefined && reading.secret ? '[redacted]' : reading.text
}
