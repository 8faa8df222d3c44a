import type { Environment } from './env.ts'
import { settings, variablesOf, type Setting } from './schema.ts'

/** The variables whose values are never printed and never passed to Claude Code. */
export const secretVariables: ReadonlySet<string> = new Set(
  Object.entries<Setting>(settings).flatMap(([name, row]) =>
    row.secret === true ? variablesOf(name, row) : [],
  ),
)

/** Names that hold secrets in anyone's environment. */
const secretName = /(KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIALS?|AUTHORIZATION)(_\d+)?$/i

/** Shorter values would black out ordinary words. */
const shortestSecret = 6

/** A setting's value for a person: quoted, or only that there is one. A secret in an address is left out. */
export function shown(reading: { text: string | undefined; secret: boolean }): string {
  if (reading.text === undefined) return 'not set'
  if (reading.secret) return '(a secret, not shown)'
  return JSON.stringify(reading.text.replace(/\/\/[^/@\s]*@/g, '//…@'))
}

/** Every value that must never be printed: the secret settings in force and whatever the environment calls a secret. */
export function secretValues(
  environment: Environment,
  settingValues: readonly (string | undefined)[],
): string[] {
  const named = Object.entries(environment).filter(([name]) => secretName.test(name))
  const values = [...settingValues, ...named.map(([, value]) => value)]
  const secrets = values.filter((value) => value !== undefined && value.length >= shortestSecret)
  return [...new Set(secrets)].filter((value) => value !== undefined)
}

/** The text with each secret replaced. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((result, secret) => result.replaceAll(secret, '[redacted]'), text)
}
