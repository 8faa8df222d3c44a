import { Ajv, type Options } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { JsonSchema } from '../../turn/tool.ts'
import { mapSubschemas, someSchema } from './subschemas.ts'

/** Says what is wrong with a value, or nothing. */
export type SchemaCheck = (value: unknown) => string | undefined

/**
 * Compiles a caller's schema: draft 2020-12 or, where `$schema` or a list of `items` says so, draft 7. Keywords that no draft knows are
 * ignored, as the drafts ask. Throws for a schema that is none.
 */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  const ajv = isDraft7(schema) ? (draft7 ??= makeDraft7()) : (draft2020 ??= makeDraft2020())
  // `$id` would name the schema for others; `$schema` of a draft that is not loaded would be refused.
  const { $schema: _draft, $id: _id, ...rest } = withoutLoneNullable(schema)
  try {
    const validate = ajv.compile(rest)
    return (value) => {
      if (validate(value)) return undefined
      return ajv.errorsText(validate.errors, { dataVar: 'value', separator: '; ' })
    }
  } finally {
    // The compiler is kept, as making one takes longer than most schemas; it must not keep them.
    ajv.removeSchema(rest)
  }
}

/** Whether a text is a regular expression in the sense of Unicode, as the drafts want it. */
export function isPattern(text: unknown): boolean {
  try {
    return new RegExp(String(text), 'u').source !== ''
  } catch {
    // An escape that Unicode expressions do not know, more often than not.
    return false
  }
}

function isDraft7(schema: JsonSchema): boolean {
  if (typeof schema['$schema'] === 'string') return /draft-0?[4-7]/.test(schema['$schema'])
  return someSchema(schema, ({ items }) => Array.isArray(items))
}

/** `nullable` is no draft's. The compiler knows it beside a type, and refuses it elsewhere. */
function withoutLoneNullable(schema: JsonSchema): JsonSchema {
  const { nullable, ...rest } = mapSubschemas(schema, withoutLoneNullable)
  return nullable === undefined || rest['type'] === undefined ? rest : { ...rest, nullable }
}

const options = {
  strict: false,
  allErrors: true,
  logger: false,
  // 19.99 is a multiple of 0.01, whatever binary fractions make of it.
  multipleOfPrecision: 6,
  code: {
    // Patterns with escapes that Unicode expressions do not know are common, and meant without.
    regExp: Object.assign(
      (pattern: string, flags: string) =>
        isPattern(pattern) ? new RegExp(pattern, flags) : new RegExp(pattern),
      { code: 'new RegExp' },
    ),
  },
} as const satisfies Options

let draft7: Ajv | undefined
let draft2020: Ajv2020 | undefined

function makeDraft7(): Ajv {
  const ajv = new Ajv(options)
  addFormats.default(ajv)
  return ajv
}

function makeDraft2020(): Ajv2020 {
  const ajv = new Ajv2020(options)
  addFormats.default(ajv)
  return ajv
}
