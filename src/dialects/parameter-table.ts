import { TurnError } from '../turn/error.ts'
import type { Disclosures } from './openai-chat/disclosures.ts'

/** What becomes of one of OpenAI's parameters here. */
export type Parameter = {
  /** `ignored` is accepted without effect and disclosed; with STRICT_PARAMETERS it is refused. */
  treatment: 'honoured' | 'ignored' | 'refused'
  /** One line for the reference page; for what is refused, also the end of the error message. */
  why: string
  /** Whether this value asks for nothing but the default: neither disclosed nor refused. */
  isDefault?: (value: unknown) => boolean
}

export type ParameterTable = Readonly<Record<string, Parameter>>

/** Refuses what the table refuses and discloses what it ignores; a field that OpenAI does not have either is ignored. */
export function applyTable(
  request: Readonly<Record<string, unknown>>,
  { table, api }: { table: ParameterTable; api: string },
  disclosures: Disclosures,
): void {
  for (const [name, value] of Object.entries(request)) {
    if (value === null || value === undefined) continue
    const parameter = Object.hasOwn(table, name) ? table[name] : undefined
    if (parameter?.isDefault?.(value)) continue
    switch (parameter?.treatment) {
      case 'honoured':
        break
      case 'refused':
        throw new TurnError(
          'unsupported_parameter',
          `${name} is not supported: ${parameter.why} Leave it out.`,
          { param: name },
        )
      case 'ignored':
        disclosures.ignore(name, parameter.why)
        break
      case undefined:
        disclosures.ignore(name, `It is not a parameter of ${api}.`)
        break
    }
  }
}

export function honoured(why: string): Parameter {
  return { treatment: 'honoured', why }
}

export function ignored(why: string, isDefault?: (value: unknown) => boolean): Parameter {
  return { treatment: 'ignored', why, ...(isDefault && { isDefault }) }
}

export function refused(why: string, isDefault?: (value: unknown) => boolean): Parameter {
  return { treatment: 'refused', why, ...(isDefault && { isDefault }) }
}

export function is(...values: unknown[]): (value: unknown) => boolean {
  return (value) => values.includes(value)
}

export function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
