import type { JsonSchema } from '../../turn/tool.ts'

/** Keywords whose value is one schema, or a list of schemas. */
const schemaKeywords = new Set([
  'additionalItems',
  'additionalProperties',
  'allOf',
  'anyOf',
  'contains',
  'contentSchema',
  'else',
  'if',
  'items',
  'not',
  'oneOf',
  'prefixItems',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
])

/** Keywords whose value is a map of schemas, by names that are no keywords. */
const mapKeywords = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
])

/** The schema with each schema right inside it changed, by the keyword that it is in; everything that is no schema stays what it is. */
export function mapSubschemas(
  schema: JsonSchema,
  change: (subschema: JsonSchema, keyword: string) => JsonSchema,
): Record<string, unknown> {
  return mapValues(schema, (value, keyword) => {
    const changed = (inner: unknown): unknown => (isRecord(inner) ? change(inner, keyword) : inner)
    if (mapKeywords.has(keyword)) return isRecord(value) ? mapValues(value, changed) : value
    if (!schemaKeywords.has(keyword)) return value
    return Array.isArray(value) ? value.map(changed) : changed(value)
  })
}

/** Whether the schema or any schema inside it is so. */
export function someSchema(schema: JsonSchema, is: (schema: JsonSchema) => boolean): boolean {
  let found = is(schema)
  mapSubschemas(schema, (subschema) => {
    found ||= someSchema(subschema, is)
    return subschema
  })
  return found
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mapValues(
  record: JsonSchema,
  change: (value: unknown, name: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, change(value, name)]),
  )
}
