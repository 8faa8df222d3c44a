import type { z } from 'zod'
import { TurnError, type ErrorCode } from '../../turn/error.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** No more of a caller's own text than this goes into an error message. */
const longestEcho = 60

/**
 * The first problem that a schema found, as the caller's error: the field's path, what came and what is allowed. A custom message
 * in a schema (`error: 'a string or …'`) completes the sentence "must be …". `prefix` is where `body` stands in the request.
 */
export function firstProblem(error: z.ZodError, body: unknown, prefix: Path = []): TurnError {
  const [first] = error.issues
  if (!first) return new TurnError('invalid_type', 'The request cannot be read.')
  const { issue, path: ownPath } = deepest(first, first.path)
  const path = [...prefix, ...ownPath]
  const param = writePath(path)
  const value = valueAt(body, ownPath)
  if (issue.code === 'unrecognized_keys') return unknownKey(issue, path)
  if (value === undefined && path.length > 0) {
    return new TurnError(
      'missing_required_parameter',
      `${param} is missing; it must ${expectation(issue)}.`,
      { param },
    )
  }
  const name = path.length === 0 ? 'The body' : param
  return new TurnError(
    codeOf(issue),
    `${name} must ${expectation(issue)}; got ${describe(value, issue)}.`,
    { ...(path.length > 0 && { param }) },
  )
}

/** Inside a union, the problem of the alternative that the value was meant as: the one that fails below its root. */
function deepest(issue: Issue, path: Path): { issue: Issue; path: Path } {
  if (issue.code !== 'invalid_union') return { issue, path }
  for (const [inner] of issue.errors) {
    if (!inner || (inner.path.length === 0 && inner.code === 'invalid_type')) continue
    return deepest(inner, [...path, ...inner.path])
  }
  return { issue, path }
}

function unknownKey(issue: Extract<Issue, { code: 'unrecognized_keys' }>, path: Path): TurnError {
  const param = writePath([...path, issue.keys[0] ?? ''])
  const message = `${param} is not known. ${writePath(path)} may have ${issue.message}.`
  return new TurnError('unknown_parameter', message, { param })
}

function codeOf(issue: Issue): ErrorCode {
  // A union without a discriminator fails when no alternative has the value's type.
  const isType =
    issue.code === 'invalid_type' ||
    (issue.code === 'invalid_union' && issue.discriminator === undefined)
  return isType ? 'invalid_type' : 'invalid_value'
}

/** Completes "it must …". */
function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `be ${typeNames[issue.expected] ?? `of type ${issue.expected}`}`
    case 'invalid_value':
      return `be ${oneOf(issue.values)}`
    case 'invalid_union':
      return `be ${hasOwnWords(issue) ? issue.message : oneOf(optionsOf(issue))}`
    case 'too_small':
      if (issue.minimum === 1 && issue.origin in countNames) return 'not be empty'
      return bound(
        issue.origin,
        issue.inclusive === false ? 'more than' : 'at least',
        issue.minimum,
      )
    case 'too_big':
      return bound(issue.origin, 'at most', issue.maximum)
    default:
      return `be ${issue.message}`
  }
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  const count = countNames[origin]
  return count === undefined ? `be ${relation} ${limit}` : `have ${relation} ${limit} ${count}`
}

const countNames: Readonly<Record<string, string>> = { array: 'items', string: 'characters' }

/** Zod's own words for a union say nothing. */
function hasOwnWords({ message }: Issue): boolean {
  return !/^Invalid (?:input|discriminator value)/.test(message)
}

/** What the discriminator may be; zod 4.6 reports it without typing it. */
function optionsOf(issue: Issue): readonly unknown[] {
  return 'options' in issue && Array.isArray(issue.options) ? issue.options : []
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  record: 'an object',
}

/** `one of "a", "b"`; the only one stands alone. */
export function oneOf(values: readonly unknown[]): string {
  const words = values.filter((value) => value !== undefined).map((value) => JSON.stringify(value))
  return words.length === 1 ? `${words[0]}` : `one of ${words.join(', ')}`
}

/** A value as an error message names it. Text is quoted only where it stands for one of a few words: it may be a secret. */
function describe(value: unknown, issue: Issue): string {
  if (value === null) return 'null'
  if (Array.isArray(value))
    return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
  switch (typeof value) {
    case 'string':
      if (value === '') return 'an empty string'
      return issue.code === 'invalid_value' || 'discriminator' in issue ? quote(value) : 'a string'
    case 'number':
    case 'boolean':
      return JSON.stringify(value)
    case 'object':
      return 'an object'
    default:
      return 'nothing'
  }
}

/** A caller's word in quotes, cut when it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > longestEcho ? `${text.slice(0, longestEcho)}…` : text)
}

function valueAt(body: unknown, path: Path): unknown {
  let value: unknown = body
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

/** `messages[3].content[0].type` */
export function writePath(path: Path): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`
      const name = String(key)
      if (!/^[\w-]+$/.test(name)) return `[${quote(name)}]`
      return index === 0 ? name : `.${name}`
    })
    .join('')
}
