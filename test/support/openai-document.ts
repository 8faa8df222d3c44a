import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

type Json = Record<string, unknown>

/** OpenAI's OpenAPI document: where `OPENAI_DOCUMENT` says, or beside the checkout. It is not part of this project. */
const path =
  process.env['OPENAI_DOCUMENT'] ??
  fileURLToPath(new URL('../../../shared/spec/openai-openapi.json', import.meta.url))

export const hasOpenAIDocument = existsSync(path)

const formats = [
  'unixtime',
  'date',
  'int64',
  'double',
  'float',
  'binary',
  'uri',
  'date-time',
  'byte',
]

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
  'what a file, a batch or an end of an empty list has not is null': (schemas) => {
    const names = ['OpenAIFile', 'Batch', 'ListFilesResponse', 'ListBatchesResponse']
    for (const name of [...names, 'ChatCompletionList', 'ConversationItemList']) {
      const { properties, required } = schemas[name] as { properties: Json; required: string[] }
      for (const [field, value] of Object.entries(properties)) {
        const isNullable = !required.includes(field) || /^(first|last)_id$/.test(field)
        if (isNullable) properties[field] = { anyOf: [value, { type: 'null' }] }
      }
    }
  },
  'the messages of a stored completion are those of its request': (schemas) => {
    const { properties } = schemas.ChatCompletionMessageList as { properties: { data: Json } }
    const { allOf } = properties.data.items as { allOf: unknown[] }
    allOf[0] = { type: 'object', required: ['role', 'content'] }
  },
  'chunks have calls of custom tools': (schemas) => {
    const { properties } = schemas.ChatCompletionMessageToolCallChunk as { properties: Json }
    properties.type = { enum: ['function', 'custom'] }
  },
  'Codex reads codes that the document does not list': (schemas) => {
    schemas.ResponseErrorCode = { type: 'string' }
  },
}

let opened: OpenAIDocument | undefined

/** The document, read once; undefined where there is none, and then nothing is found wrong by it. */
export function openAIDocument(): OpenAIDocument | undefined {
  if (hasOpenAIDocument) opened ??= new OpenAIDocument()
  return opened
}

/** Checks against schemas of OpenAI's document, by their names. */
export class OpenAIDocument {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: false, verbose: false })
  readonly #validators = new Map<string, ValidateFunction>()
  readonly #paths: Json
  readonly #schemas: Json

  constructor() {
    const document = JSON.parse(readFileSync(path, 'utf8')) as Json
    const { schemas } = document.components as { schemas: Json }
    this.#schemas = schemas
    this.#paths = document.paths as Json
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

  /** The operation that a path without `/v1` and query belongs to, and the schema of its JSON where it has one; undefined: there is none. */
  operation(method: string, path: string): Operation | undefined {
    for (const [template, item] of Object.entries(this.#paths)) {
      const pattern = new RegExp(
        `^${template.replaceAll(/\{[^}]+\}/g, '[^/]+').replace('?', '\\?')}$`,
      )
      const operation = isObject(item) ? item[method.toLowerCase()] : undefined
      if (!pattern.test(path) || !isObject(operation)) continue
      const json = /"application\/json":\{"schema":\{"\$ref":"#\/components\/schemas\/(\w+)"/
      const [, schema] = json.exec(JSON.stringify(Object(operation.responses)['200'] ?? {})) ?? []
      return { path: template, schema }
    }
    return undefined
  }

  /** The names of the fields of an object's schema, its parts included. */
  fieldsOf(name: string): string[] {
    return [...new Set(fields(this.#schemas[name], this.#schemas))]
  }
}

function fields(schema: unknown, schemas: Json): string[] {
  if (!isObject(schema)) return []
  if (typeof schema.$ref === 'string') {
    return fields(schemas[schema.$ref.split('/').at(-1) ?? ''], schemas)
  }
  const parts: unknown[] = Array.isArray(schema.allOf) ? schema.allOf : []
  return [
    ...parts.flatMap((part) => fields(part, schemas)),
    ...Object.keys(isObject(schema.properties) ? schema.properties : {}),
  ]
}

/** A path of the document as it is written there, and what it answers. */
export type Operation = { path: string; schema: string | undefined }

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
