import { parseArgs } from 'node:util'
import { flagOf, settings, variablesOf, type Setting } from './schema.ts'

/** Flags as variables, and what was wrong with them. */
export type Flags = { variables: Record<string, string>; problems: string[] }

type KnownFlags = ReadonlyMap<string, { variable: string; isSwitch: boolean }>

function knownFlags(): KnownFlags {
  const known = new Map<string, { variable: string; isSwitch: boolean }>()
  for (const [name, row] of Object.entries<Setting>(settings)) {
    for (const variable of variablesOf(name, row)) {
      known.set(flagOf(variable), { variable, isSwitch: row.kind.isSwitch === true })
    }
  }
  return known
}

/** The flags of all settings as `parseArgs` takes them: for commands with words and flags of their own. */
export function settingFlags(known = knownFlags()): Record<string, { type: 'boolean' | 'string' }> {
  return Object.fromEntries(
    [...known].map(([flag, { isSwitch }]) => [flag, { type: isSwitch ? 'boolean' : 'string' }]),
  )
}

/** Reads `--port 9000`, `--port=9000`, `--strict-parameters` and `--no-strict-parameters`; of several the last counts. */
export function readFlags(args: readonly string[]): Flags {
  const known = knownFlags()
  const options = settingFlags(known)
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })

  const flags: Flags = { variables: {}, problems: [] }
  let place = 'at the start'
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      // Not quoted: after a mistyped flag it may be a secret.
      flags.problems.push(`a word ${place} is not a flag; write flags as \`--name=value\``)
      continue
    }
    place = `after \`${token.rawName}\``
    const exact = known.get(token.name)
    const setting = exact ?? known.get(token.name.replace(/^no-/, ''))
    if (setting === undefined || (exact === undefined && !setting.isSwitch)) {
      flags.problems.push(`\`${token.rawName}\` is not a known flag; \`--help\` lists them`)
    } else if (token.value !== undefined) {
      flags.variables[setting.variable] = token.value
    } else if (setting.isSwitch) {
      flags.variables[setting.variable] = exact === undefined ? 'false' : 'true'
    } else {
      flags.problems.push(`\`${token.rawName}\` needs a value: \`${token.rawName}=…\``)
    }
  }
  return flags
}
