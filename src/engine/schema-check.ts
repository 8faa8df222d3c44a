import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { JsonSchema } from '../turn/tool.ts'

/** Says what is wrong with a value, or nothing. */
export type SchemaCheck = (value: unknown) => string | undefined

/**
 * Compiles a caller's schema: draft 2020-12 or, where `$schema` says so, draft 7. Keywords that no draft knows are ignored, as the
 * drafts ask. Throws for a schema that is none.
 */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  const options = { strict: false, allErrors: true, validateFormats: true, logger: false } as const
  const draft7 = typeof schema.$schema === 'string' && /draft-0?[4-7]/.test(schema.$schema)
  const ajv = draft7 ? new Ajv(options) : new Ajv2020(options)
  addFormats.default(ajv)
  // `$id` would name the schema for others; `$schema` of a draft that is not loaded would be refused.
  const { $schema: _draft, $id: _id, ...rest } = schema
  const validate: ValidateFunction = ajv.compile(rest)
  return (value) => {
    if (validate(value)) return undefined
    return ajv.errorsText(validate.errors, { dataVar: 'value', separator: '; ' })
  }
}
