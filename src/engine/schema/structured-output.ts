import { TurnError } from '../../turn/error.ts'
import type { JsonSchema, OutputFormat } from '../../turn/tool.ts'
import { foldSchema } from './fold-schema.ts'
import { compileSchema, type SchemaCheck } from './schema-check.ts'
import { isRecord } from './subschemas.ts'

/** The tool by which Claude Code has the model hand over a structured answer. */
export const answerTool = 'StructuredOutput'

/** The schema that Claude Code is given for an answer; the answer is held to the caller's own by `answerCheck` afterwards. */
export function answerSchema(output: OutputFormat): JsonSchema | undefined {
  switch (output.type) {
    case 'text':
      return undefined
    case 'json-object':
      return { type: 'object' }
    case 'json-schema':
      return foldSchema(output.schema)
  }
}

/** Compiles the check of an answer; throws `invalid_value` for a schema that is none, or not of an object. */
export function answerCheck(output: OutputFormat): SchemaCheck {
  if (output.type !== 'json-schema')
    return (value) => (isRecord(value) ? undefined : 'value must be object')
  const param = 'response_format.json_schema.schema'
  const { type } = output.schema
  if (type !== undefined && ![type].flat().includes('object')) {
    throw new TurnError(
      'invalid_value',
      `${param}.type must be "object"; got ${JSON.stringify(output.schema.type)}. Wrap the value in an object.`,
      {
        param: `${param}.type`,
      },
    )
  }
  try {
    return compileSchema(output.schema)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown'
    throw new TurnError('invalid_value', `${param} is not a valid JSON Schema: ${reason}.`, {
      param,
      cause: error,
    })
  }
}
