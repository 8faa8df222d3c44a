import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigError } from './config-error.ts'

/** Variables by name. */
export type Environment = Readonly<Record<string, string>>

/** The environment of this process: the one place that reads it. */
export function processEnvironment(): Environment {
  return withoutUndefined(process.env)
}

/** The variables in an `.env` file; none when there is no such file. Throws `ConfigError` when it cannot be read. */
export function fileEnvironment(path: string): Environment {
  try {
    return withoutUndefined(parseEnv(readFileSync(path, 'utf8').replace(/^\uFEFF/, '')))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return {}
    throw new ConfigError([
      `${path} could not be read (${String(code)}); make it readable or remove it`,
    ])
  }
}

function withoutUndefined(variables: Record<string, string | undefined>): Record<string, string> {
  const present: Record<string, string> = {}
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined) present[name] = value
  }
  return present
}
