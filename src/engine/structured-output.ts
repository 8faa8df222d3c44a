import { TurnError } from '../turn/error.ts'
import type { JsonSchema, OutputFormat } from '../turn/tool.ts'
import { compileSchema, type SchemaCheck } from './schema-check.ts'

/** The tool by which Claude Code has the model hand over a structured answer. */
export const answerTool = 'StructuredOutput'

/**
 * The schema that Claude Code is given for an answer. Keywords that its own check does not know, or refuses, are left out or said in
 * the description; the answer is held to the caller's own schema by `answerCheck` afterwards.
 */
export function answerSchema(output: OutputFormat): Record<string, unknown> | undefined {
  switch (output.type) {
    case 'text':
      return undefined
    case 'json-object':
      return { type: 'object' }
    case 'json-schema':
      return { ...foldSchema(output.schema) }
  }
}

/** Compiles the check of an answer; throws `invalid_value` for a schema that is none, or not of an object. */
export function answerCheck(output: OutputFormat): SchemaCheck {
  if (output.type !== 'json-schema')
    return (value) => (isRecord(value) ? undefined : 'value must be object')
  const param = 'response_format.json_schema.schema'
  if (output.schema.type !== undefined && output.schema.type !== 'object') {
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

/** Keywords that say something about the document and nothing about the value. */
const droppedKeywords = new Set(['$schema', '$id', '$comment', '$anchor', '$dynamicAnchor'])

/** Keywords whose value is a map of schemas, by names that are no keywords. */
const schemaMaps = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
])

/** Keywords whose value is data, not a schema. */
const dataKeywords = new Set([
  'enum',
  'const',
  'default',
  'examples',
  'required',
  'dependentRequired',
])

function foldSchema(schema: JsonSchema): JsonSchema {
  const folded: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (droppedKeywords.has(keyword) || keyword === 'format') continue
    folded[keyword] = dataKeywords.has(keyword) ? value : foldValue(value, schemaMaps.has(keyword))
  }
  if (typeof schema.format === 'string') {
    const note = `Format: ${schema.format}.`
    folded.description =
      typeof schema.description === 'string' ? `${schema.description} ${note}` : note
  }
  return folded
}

function foldValue(value: unknown, isMap: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => foldValue(item, false))
  if (!isRecord(value)) return value
  if (!isMap) return foldSchema(value)
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, foldValue(item, false)]),
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
