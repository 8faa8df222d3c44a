import { Ajv } from 'ajv'
import type { JsonSchema } from '../../turn/tool.ts'
import { isPattern } from './schema-check.ts'
import { isRecord, mapSubschemas, someSchema } from './subschemas.ts'

/**
 * A caller's schema as Claude Code and the Anthropic API take it for the tool by which an answer is handed over. Claude Code compiles it
 * as strict draft 7 and knows no formats; the API wants draft 2020-12, nothing but an object at the root, and there plain names of
 * properties only. What either would refuse is said in the description instead, so this never refuses what the caller's schema allows;
 * what it allows too much, `answerCheck` finds.
 */
export function foldSchema(schema: JsonSchema): JsonSchema {
  if (someSchema(schema, hasNamedReference)) return asWords(schema)
  const folded = foldRoot(fold(withTarget(schema)).schema)
  return compilesInClaude(folded) ? folded : asWords(schema)
}

/** The whole schema as words, for the few that cannot be said otherwise. */
function asWords(schema: JsonSchema): JsonSchema {
  return told({ type: 'object' }, schema)
}

/** A reference that is not by place. */
function hasNamedReference({ $ref, $dynamicRef, $recursiveRef }: JsonSchema): boolean {
  return (
    $dynamicRef !== undefined ||
    $recursiveRef !== undefined ||
    (typeof $ref === 'string' && !/^#(\/|$)/.test($ref))
  )
}

/** The keywords that both take; Claude Code refuses a schema with any other. */
const known = new Set(
  `$defs $ref additionalProperties allOf anyOf const contains default definitions dependencies description else enum examples
  exclusiveMaximum exclusiveMinimum if items maxItems maxLength maxProperties maximum minItems minLength minProperties minimum
  multipleOf not nullable oneOf pattern patternProperties properties propertyNames required then title type uniqueItems`.split(
    /\s+/,
  ),
)

/** Keywords that say something about the document and nothing about the value. */
const aboutDocument = new Set([
  '$anchor',
  '$async',
  '$comment',
  '$dynamicAnchor',
  '$id',
  '$schema',
  '$vocabulary',
  'id',
])

/** A schema with what was taken out of it; `exact`: it allows what it did before, no more. */
type Folded = { schema: Record<string, unknown>; exact: boolean }

function fold(schema: JsonSchema): Folded {
  const loose = new Set<string>()
  const inner = mapSubschemas(schema, (subschema, keyword) => {
    const folded = fold(subschema)
    if (!folded.exact) loose.add(keyword)
    return folded.schema
  })
  const out = Object.keys(schema).filter((keyword) => isRefused(keyword, schema, loose))
  const kept = Object.fromEntries(
    Object.entries(inner).filter(([name]) => !out.includes(name) && !aboutDocument.has(name)),
  )
  if (loose.has('oneOf') && kept['anyOf'] === undefined && kept['oneOf'] !== undefined) {
    // Alternatives that allow too much may all hold.
    kept['anyOf'] = kept['oneOf']
    delete kept['oneOf']
  }
  const others = Object.fromEntries(out.map((keyword) => [keyword, schema[keyword]]))
  return {
    schema: told(kept, others),
    exact: out.length === 0 && loose.size === 0 && schema['$ref'] === undefined,
  }
}

/** Whether a keyword cannot stay in this schema. `loose`: keywords whose schemas now allow more than they did. */
function isRefused(keyword: string, schema: JsonSchema, loose: ReadonlySet<string>): boolean {
  switch (keyword) {
    case 'items':
      return 'prefixItems' in schema || Array.isArray(schema['items'])
    case 'contains':
      return 'minContains' in schema
    case 'if':
    case 'then':
    case 'else':
      return !('if' in schema && ('then' in schema || 'else' in schema)) || loose.has('if')
    case 'not':
      return loose.has('not')
    case 'oneOf':
      return loose.has('oneOf') && 'anyOf' in schema
    case 'nullable':
      return schema['type'] === undefined
    case 'pattern':
      return !isPattern(schema['pattern'])
    case 'patternProperties':
    case 'additionalProperties':
      return !arePatternsPlain(schema)
    default:
      return !known.has(keyword) && !aboutDocument.has(keyword)
  }
}

/** Whether Claude Code takes the patterns for names: it refuses those that one of the named properties matches. */
function arePatternsPlain({ properties, patternProperties }: JsonSchema): boolean {
  if (!isRecord(patternProperties)) return true
  const names = isRecord(properties) ? Object.keys(properties) : []
  return Object.keys(patternProperties).every(
    (pattern) => isPattern(pattern) && !names.some((name) => new RegExp(pattern, 'u').test(name)),
  )
}

/** What the API takes as the name of a property at the root. */
const plainName = /^[a-zA-Z0-9_.-]{1,64}$/

function foldRoot(schema: JsonSchema): JsonSchema {
  const { allOf, anyOf, oneOf, properties, ...rest } = schema
  const named = isRecord(properties) ? Object.entries(properties) : []
  const odd = named.filter(([name]) => !plainName.test(name))
  const plain = named.filter(([name]) => plainName.test(name))
  const others: Record<string, unknown> = {
    ...(allOf !== undefined && { allOf }),
    ...(anyOf !== undefined && { anyOf }),
    ...(oneOf !== undefined && { oneOf }),
  }
  const kept: Record<string, unknown> = { ...rest, type: 'object' }
  if (named.length > 0) {
    kept['properties'] = Object.fromEntries(plain.map(([name, value]) => [name, withType(value)]))
  }
  if (odd.length > 0) {
    delete kept['additionalProperties']
    delete kept['required']
    const { required, additionalProperties } = rest
    Object.assign(others, { properties: Object.fromEntries(odd), required, additionalProperties })
  }
  return told(kept, others)
}

/** Where nothing is said of a value at the root, Claude Code makes a number, an object … of a text that looks like one. */
function withType(schema: unknown): unknown {
  if (!isRecord(schema) || Object.keys(schema).some((keyword) => !annotations.has(keyword))) {
    return schema
  }
  return { ...schema, type: ['array', 'boolean', 'null', 'number', 'object', 'string'] }
}

const annotations = new Set(['default', 'description', 'examples', 'title'])

/** A root that is only a reference, as some generators write it, becomes what it refers to. */
function withTarget(schema: JsonSchema): JsonSchema {
  const { $ref, ...rest } = schema
  const target = typeof $ref === 'string' && $ref !== '#' ? atPointer(schema, $ref) : undefined
  if (!isRecord(target) || Object.keys(target).some((keyword) => keyword in rest)) return schema
  return { ...target, ...rest }
}

function atPointer(root: JsonSchema, reference: string): unknown {
  const steps = reference.split('/').slice(1)
  return steps.reduce<unknown>((value, step) => {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    return isRecord(value) ? value[name] : undefined
  }, root)
}

/** The schema with what it cannot hold said in its description. */
function told(schema: JsonSchema, { format, ...others }: JsonSchema): Record<string, unknown> {
  const texts = [
    schema['description'],
    typeof format === 'string' && `Format: ${format}.`,
    Object.keys(others).length > 0 && `Also in its JSON Schema: ${JSON.stringify(others)}`,
  ].filter((text) => typeof text === 'string')
  return texts.length > 0 ? { ...schema, description: texts.join(' ') } : { ...schema }
}

/** Compiles a schema as Claude Code does at its start (contract test). */
function compilesInClaude(schema: JsonSchema): boolean {
  claude ??= new Ajv({
    allErrors: true,
    validateFormats: false,
    multipleOfPrecision: 6,
    logger: false,
  })
  try {
    return claude.compile(schema) !== undefined
  } catch {
    // It would not start with this schema.
    return false
  } finally {
    claude.removeSchema(schema)
  }
}

let claude: Ajv | undefined
