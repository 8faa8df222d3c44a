import { fileEnvironment, type Environment } from './env.ts'
import { readFlags } from './flags.ts'
import { settings, variablesOf, type Setting, type SettingValues } from './schema.ts'
import { shown } from './secrets.ts'

/** Where configuration comes from. */
export type ConfigSources = {
  /** The process environment. */
  env: Environment
  /** The path of an `.env` file, which may be missing. */
  file?: string
  /** Command line flags, without the command. */
  args?: readonly string[]
}

export type Origin = 'default' | 'file' | 'environment' | 'flag'

/** One variable in force: its text, and where it came from. */
export type Reading = {
  variable: string
  text: string | undefined
  origin: Origin
  secret: boolean
}

export type Readings = {
  values: SettingValues
  readings: Reading[]
  /** The file's variables with the environment's over them. */
  environment: Environment
  problems: string[]
}

/** Reads every setting, in rising order from `.env`, environment and flags. Empty text means unset. */
export function readSettings(sources: ConfigSources): Readings {
  const file = sources.file === undefined ? {} : fileEnvironment(sources.file)
  const flags = readFlags(sources.args ?? [])
  const layers: [Origin, Environment][] = [
    ['flag', flags.variables],
    ['environment', sources.env],
    ['file', file],
  ]
  const readings: Reading[] = []
  const problems = [...flags.problems]
  const values: Record<string, unknown> = {}
  for (const [name, row] of Object.entries<Setting>(settings)) {
    const parsed = variablesOf(name, row).map((variable) => {
      const reading = readVariable(variable, row, layers)
      readings.push(reading)
      if (reading.text === undefined) return undefined
      const value = row.kind.parse(reading.text)
      if (value === undefined) problems.push(problem(reading, row))
      return value
    })
    values[name] = row.repeat === undefined ? parsed[0] : parsed
  }
  // Each value was made by its own row's parser, or is undefined beside a problem, which the caller throws.
  return {
    values: values as SettingValues,
    readings,
    environment: { ...file, ...sources.env },
    problems,
  }
}

function readVariable(variable: string, row: Setting, layers: [Origin, Environment][]): Reading {
  const secret = row.secret === true
  for (const [origin, variables] of layers) {
    const text = variables[variable]?.trim()
    if (text !== undefined && text !== '') return { variable, text, origin, secret }
  }
  return { variable, text: row.default, origin: 'default', secret }
}

function problem(reading: Reading, row: Setting): string {
  return `${reading.variable} is ${shown(reading)}; it may be ${row.kind.expects}`
}
