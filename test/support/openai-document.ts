import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

type Json = Record<string, unknown>

/** OpenAI's OpenAPI document: where `OPENAI_DOCUMENT` says, or beside the checkout. It is not part of this project. */
const path =
  process.env['OPENAI_DOCUMENT'] ??
  fileURLToPath(new URL('../../../shared/spec/openai-openapi.json', import.meta.url))

export const hasOpenAIDocument = existsSync(path)

const formats = ['unixtime', 'int64', 'double', 'float', 'binary', 'uri', 'date-time', 'byte']

/** What real answers of OpenAI's have, and the document does not allow. */
const looser: Readonly<Record<string, (schemas: Json) => void>> = {
  'user, safety_identifier and prompt_cache_key are null': (schemas) => {
    const { properties } = schemas.ModelResponseProperties as { properties: Json }
    for (const name of ['user', 'safety_identifier', 'prompt_cache_key']) {
      properties[name] = { type: ['string', 'null'] }
    }
  },
  'usage is null until the end': (schemas) => {
    schemas.ResponseUsage = { anyOf: [schemas.ResponseUsage, { type: 'null' }] }
  },
  'Codex reads codes that the document does not list': (schemas) => {
    schemas.ResponseErrorCode = { type: 'string' }
  },
}

/** Checks against schemas of OpenAI's document, by their names. */
export class OpenAIDocument {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: false, verbose: false })
  readonly #validators = new Map<string, ValidateFunction>()

  constructor() {
    const document = JSON.parse(readFileSync(path, 'utf8')) as Json
    const { schemas } = document.components as { schemas: Json }
    for (const loosen of Object.values(looser)) loosen(schemas)
    const mended = mend({ components: { schemas } }, schemas) as Json
    for (const format of formats) this.#ajv.addFormat(format, true)
    this.#ajv.addSchema(mended, 'openai')
  }

  /** What is wrong with a value, in words; empty when nothing is. */
  problems(schema: string, value: unknown): string[] {
    const validate =
      this.#validators.get(schema) ??
      this.#ajv.compile({ $ref: `openai#/components/schemas/${schema}` })
    this.#validators.set(schema, validate)
    if (validate(value)) return []
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    )
  }
}

/** Leftovers of OpenAPI 3.0 in a document of 3.1, and tagged unions in a form that tells which variant is wrong. */
function mend(value: unknown, schemas: Json): unknown {
  if (Array.isArray(value)) return value.map((item) => mend(item, schemas))
  if (!isObject(value)) return value
  const { nullable, discriminator: _discriminator, $recursiveRef: _ref, ...rest } = value
  const mended = Object.fromEntries(
    Object.entries(rest).map(([key, item]) => [
      key,
      // What is an example or a default is not a schema.
      ['example', 'examples', 'default', 'enum'].includes(key) ? item : mend(item, schemas),
    ]),
  )
  const union = byTag(mended, schemas)
  return nullable === true ? { anyOf: [union, { type: 'null' }] } : union
}

function byTag(schema: Json, schemas: Json): Json {
  for (const word of ['oneOf', 'anyOf'] as const) {
    const variants = schema[word]
    if (!Array.isArray(variants) || variants.length < 2) continue
    const tagged = variants.map((variant) => ({ variant, tags: tagsOf(variant, schemas, 0) }))
    if (tagged.some(({ tags }) => tags === undefined)) continue
    const { [word]: _union, ...rest } = schema
    const all = [...new Set(tagged.flatMap(({ tags }) => tags ?? []))]
    const cases = all.map((tag) => {
      const fitting = tagged.filter(({ tags }) => tags?.includes(tag))
      const has = { properties: { type: { enum: [tag] } }, required: ['type'] }
      const variants = fitting.map(({ variant }) => variant)
      // Not this tag, or one of its variants: JSON Schema's `if` and `then`.
      return { anyOf: [{ not: has }, ...variants] }
    })
    const known = { type: 'object', properties: { type: { enum: all } }, required: ['type'] }
    return { ...rest, allOf: [...(Array.isArray(rest.allOf) ? rest.allOf : []), known, ...cases] }
  }
  return schema
}

/** The values that `type` may have; undefined where a schema does not require one. */
function tagsOf(schema: unknown, schemas: Json, depth: number): unknown[] | undefined {
  if (!isObject(schema) || depth > 8) return undefined
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.split('/').at(-1) ?? ''
    return tagsOf(schemas[name], schemas, depth + 1)
  }
  const { properties, required = [] } = schema as { properties?: Json; required?: string[] }
  const type = properties?.type
  if (required.includes('type') && isObject(type) && Array.isArray(type.enum)) return type.enum
  if (Array.isArray(schema.allOf)) {
    for (const part of schema.allOf) {
      const tags = tagsOf(part, schemas, depth + 1)
      if (tags) return tags
    }
  }
  for (const word of ['oneOf', 'anyOf'] as const) {
    const variants = schema[word]
    if (!Array.isArray(variants)) continue
    const found = variants.map((variant) => tagsOf(variant, schemas, depth + 1))
    if (found.every((tags) => tags !== undefined)) return found.flat()
  }
  return undefined
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
