import { parseArgs } from 'node:util'
import { settingFlags } from '../config/flags.ts'
import { CommandProblem } from './command-problem.ts'

/** Flags that only one command has. */
export type OwnFlags = Readonly<Record<string, { type: 'string' | 'boolean'; short?: string }>>

export type OwnArguments<Name extends string> = {
  /** What is no flag, in order. */
  words: string[]
  /** What was given for the command's own flags; `''` for a switch that is on. */
  values: Partial<Record<Name, string>>
  /** The flags that are not the command's own, for the configuration. */
  settings: string[]
}

/** Tells a command's own flags and words from those of settings. Throws a `CommandProblem` for a flag without its value. */
export function readOwnFlags<Own extends OwnFlags>(
  args: readonly string[],
  own: Own,
): OwnArguments<Extract<keyof Own, string>> {
  const options = { ...settingFlags(), ...own }
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const words: string[] = []
  const values = new Map<string, string>()
  const settings: string[] = []
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      words.push(token.value)
      continue
    }
    const { name, rawName, value } = token
    const flag = Object.hasOwn(own, name) ? own[name] : undefined
    if (flag === undefined) settings.push(value === undefined ? rawName : `${rawName}=${value}`)
    else if (flag.type === 'boolean') values.set(name, '')
    else if (value !== undefined && value !== '') values.set(name, value)
    else throw new CommandProblem(`${rawName} needs a value: \`${rawName} …\``)
  }
  // Only names of `own` were set.
  return {
    words,
    values: Object.fromEntries(values) as OwnArguments<keyof Own & string>['values'],
    settings,
  }
}
