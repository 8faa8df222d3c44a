// `then` is a keyword of JSON Schema.
/* oxlint-disable unicorn/no-thenable */
import type { JsonSchema } from '../../src/turn/tool.ts'

/** A schema with a value that obeys it and, where there can be one, a value that does not. */
export type Case = { name: string; schema: JsonSchema; valid: unknown; invalid?: unknown }

const draft7 = 'http://json-schema.org/draft-07/schema#'
const draft2020 = 'https://json-schema.org/draft/2020-12/schema'

/** A schema of one property `v`, and values of that property. */
function property(
  name: string,
  schema: JsonSchema | boolean,
  valid: unknown,
  invalid?: unknown,
  root: JsonSchema = {},
): Case {
  return {
    name,
    schema: { type: 'object', properties: { v: schema }, required: ['v'], ...root },
    valid: { v: valid },
    ...(invalid !== undefined && { invalid: { v: invalid } }),
  }
}

const types: Case[] = [
  property('type string', { type: 'string' }, 'x', 1),
  property('type integer', { type: 'integer' }, 3, 3.5),
  // Claude Code makes numbers of texts like '3.5' itself.
  property('type number', { type: 'number' }, 3.5, 'x'),
  property('type boolean', { type: 'boolean' }, false, 0),
  property('type null', { type: 'null' }, null, 'null'),
  property('a union of types', { type: ['string', 'null', 'integer'] }, null, true),
  property('nullable with a type', { type: 'string', nullable: true }, null, 1),
  property('nullable without a type', { enum: ['a', null], nullable: true }, null, 'b'),
  property('enum of mixed values', { enum: ['a', 1, null, { b: [] }] }, { b: [] }, 'b'),
  property('const object', { const: { a: [1] } }, { a: [1] }, { a: [2] }),
  property('const null', { const: null }, null, 0),
  property('true as a schema', true, { any: 'thing' }),
  property('an empty schema', {}, [1, 'a']),
  property('an empty schema and a text like a number', { description: 'Anything.' }, '5'),
  property('an empty schema and a text like JSON', {}, '{"a": 1}'),
]

const strings: Case[] = [
  property('length in characters, not units', { type: 'string', maxLength: 2 }, '👩🚀', 'abc'),
  property('minLength', { type: 'string', minLength: 2 }, 'ab', 'a'),
  property('pattern', { type: 'string', pattern: '^[A-Z]{2}\\d+$' }, 'AB1', 'ab1'),
  property('pattern of Unicode classes', { type: 'string', pattern: '^\\p{L}+$' }, 'Größe', '1'),
  property(
    'pattern with needless escapes',
    { type: 'string', pattern: '^\\@[a-z\\_]+\\-$' },
    '@a_-',
    'a',
  ),
  ...(
    [
      ['date', '2026-11-24', 'today'],
      ['date-time', '2026-11-24T12:00:00Z', 'noon'],
      ['time', '12:00:00Z', 'noon'],
      ['duration', 'P1D', 'a day'],
      ['email', 'a@example.com', 'a'],
      ['hostname', 'example.com', 'a b'],
      ['ipv4', '127.0.0.1', '1.2.3'],
      ['ipv6', '::1', 'x'],
      ['uri', 'https://example.com/a', 'not a uri'],
      ['uuid', '7377f489-0b05-47fb-a190-3f0451f3fb26', 'x'],
      ['regex', '^a$', '('],
      ['json-pointer', '/a/b', 'a'],
    ] as const
  ).map(([format, valid, invalid]) =>
    property(`format ${format}`, { type: 'string', format }, valid, invalid),
  ),
  property('a format that nobody knows', { type: 'string', format: 'colour' }, 'red', 1),
  property(
    'contentEncoding and contentMediaType',
    { type: 'string', contentEncoding: 'base64', contentMediaType: 'image/png' },
    'AAAA',
    1,
  ),
]

const numbers: Case[] = [
  property('minimum and maximum', { type: 'number', minimum: -1, maximum: 1 }, 1, 2),
  property(
    'exclusiveMinimum and exclusiveMaximum',
    { exclusiveMinimum: 0, exclusiveMaximum: 1 },
    0.5,
    0,
  ),
  property('multipleOf', { type: 'integer', multipleOf: 5 }, 15, 16),
  property('multipleOf of cents', { type: 'number', multipleOf: 0.01 }, 19.99, 19.995),
  property(
    'a large integer',
    { type: 'integer', minimum: 9_007_199_254_740_000 },
    9_007_199_254_740_991,
    1,
  ),
]

const arrays: Case[] = [
  property('items', { type: 'array', items: { type: 'integer' } }, [1, 2], ['a']),
  property('minItems and maxItems', { type: 'array', minItems: 1, maxItems: 2 }, [1], []),
  property(
    'uniqueItems',
    { type: 'array', uniqueItems: true },
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: 1 }],
  ),
  property('contains', { type: 'array', contains: { const: 1 } }, [0, 1], [0]),
  property(
    'minContains and maxContains',
    { contains: { const: 1 }, minContains: 2, maxContains: 3 },
    [1, 1],
    [1],
  ),
  property(
    'prefixItems',
    { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
    ['a', 1],
    [1, 'a'],
  ),
  property(
    'prefixItems and no other items',
    { prefixItems: [{ type: 'string' }], items: false },
    ['a'],
    ['a', 1],
  ),
  property(
    'prefixItems and other items',
    { prefixItems: [{ type: 'string' }], items: { type: 'number' } },
    ['a', 1],
    ['a', 'b'],
  ),
  property(
    'a tuple of draft 7',
    { items: [{ type: 'string' }, { type: 'number' }], additionalItems: false },
    ['a', 1],
    ['a', 1, 2],
    { $schema: draft7 },
  ),
  property(
    'unevaluatedItems',
    { prefixItems: [{ type: 'string' }], unevaluatedItems: false },
    ['a'],
    ['a', 1],
  ),
  property('items true', { type: 'array', items: true }, [1, 'a'], 1),
  property('additionalItems without items', { type: 'array', additionalItems: false }, [1], 1, {
    $schema: draft7,
  }),
]

const objects: Case[] = [
  property(
    'additionalProperties false',
    { type: 'object', properties: { a: {} }, additionalProperties: false },
    { a: 1 },
    { b: 1 },
  ),
  property(
    'additionalProperties as a schema',
    { type: 'object', additionalProperties: { type: 'number' } },
    { a: 1 },
    { a: 'x' },
  ),
  property(
    'patternProperties',
    { type: 'object', patternProperties: { '^n_': { type: 'number' } } },
    { n_a: 1, b: 'x' },
    { n_a: 'x' },
  ),
  property(
    'patternProperties that match a property',
    {
      type: 'object',
      properties: { n_a: { minimum: 1 } },
      patternProperties: { '^n_': { type: 'number' } },
    },
    { n_a: 1 },
    { n_a: 'x' },
  ),
  property(
    'propertyNames',
    { type: 'object', propertyNames: { pattern: '^[a-z]+$' } },
    { ab: 1 },
    { A: 1 },
  ),
  property(
    'minProperties and maxProperties',
    { type: 'object', minProperties: 1, maxProperties: 1 },
    { a: 1 },
    {},
  ),
  property('required without properties', { type: 'object', required: ['a'] }, { a: 1 }, {}),
  property(
    'dependentRequired',
    { type: 'object', dependentRequired: { a: ['b'] } },
    { a: 1, b: 1 },
    { a: 1 },
  ),
  property(
    'dependentSchemas',
    { type: 'object', dependentSchemas: { a: { required: ['b'] } } },
    { a: 1, b: 1 },
    { a: 1 },
  ),
  property(
    'dependencies of draft 7',
    { dependencies: { a: ['b'], c: { required: ['d'] } } },
    { a: 1, b: 1 },
    { c: 1 },
    { $schema: draft7 },
  ),
  property(
    'unevaluatedProperties',
    { allOf: [{ properties: { a: {} } }], properties: { b: {} }, unevaluatedProperties: false },
    { a: 1, b: 2 },
    { a: 1, c: 1 },
  ),
  {
    name: 'Unicode names of properties',
    schema: {
      type: 'object',
      properties: { Größe: { type: 'number' }, 名前: { type: 'string' }, 'a b/c~d': {} },
      required: ['Größe', '名前'],
      additionalProperties: false,
    },
    valid: { Größe: 1, 名前: 'x', 'a b/c~d': null },
    invalid: { Größe: 'x', 名前: 'x' },
  },
  {
    name: 'names of properties that are keywords',
    schema: {
      type: 'object',
      properties: {
        type: { type: 'string' },
        format: { type: 'string' },
        properties: { type: 'object', properties: { $ref: { type: 'string' } } },
        $id: { type: 'string' },
        required: { type: 'boolean' },
        prefixItems: { type: 'number' },
      },
      required: ['type', 'format'],
    },
    valid: {
      type: 'a',
      format: 'b',
      properties: { $ref: 'c' },
      $id: 'd',
      required: true,
      prefixItems: 1,
    },
    invalid: { type: 'a', format: 1 },
  },
  {
    name: 'a name of 80 characters',
    schema: {
      type: 'object',
      properties: { ['n'.repeat(80)]: { type: 'number' } },
      required: ['n'.repeat(80)],
    },
    valid: { ['n'.repeat(80)]: 1 },
    invalid: {},
  },
]

const combinations: Case[] = [
  property('anyOf', { anyOf: [{ type: 'string' }, { type: 'number', minimum: 5 }] }, 7, 3),
  property('oneOf', { oneOf: [{ multipleOf: 3 }, { multipleOf: 5 }] }, 9, 15),
  property('allOf', { allOf: [{ minimum: 1 }, { maximum: 3 }] }, 2, 4),
  property('not', { not: { type: 'string' } }, 1, 'a'),
  property(
    'if, then and else',
    {
      if: { properties: { k: { const: 'a' } }, required: ['k'] },
      then: { required: ['x'] },
      else: { required: ['y'] },
    },
    { k: 'a', x: 1 },
    { k: 'a', y: 1 },
  ),
  property('if alone', { if: { const: 1 } }, 2),
  property('then without if', { then: { const: 1 } }, 2),
  property(
    'a discriminated union with discriminator',
    {
      oneOf: [
        {
          type: 'object',
          properties: { kind: { const: 'a' }, x: { type: 'number' } },
          required: ['kind', 'x'],
        },
        { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] },
      ],
      discriminator: { propertyName: 'kind' },
    },
    { kind: 'a', x: 1 },
    { kind: 'a' },
  ),
  {
    name: 'anyOf at the root',
    schema: {
      type: 'object',
      anyOf: [
        { properties: { a: { type: 'number' } }, required: ['a'] },
        { properties: { b: { type: 'number' } }, required: ['b'] },
      ],
    },
    valid: { b: 1 },
    invalid: { c: 1 },
  },
  {
    name: 'oneOf at the root without a type',
    schema: {
      oneOf: [
        { type: 'object', required: ['a'] },
        { type: 'object', required: ['b'] },
      ],
    },
    valid: { a: 1 },
    invalid: { a: 1, b: 1 },
  },
  {
    name: 'allOf at the root',
    schema: {
      allOf: [{ type: 'object', required: ['a'] }, { properties: { a: { type: 'number' } } }],
    },
    valid: { a: 1 },
    invalid: { a: 'x' },
  },
]

const references: Case[] = [
  property('$ref to $defs', { $ref: '#/$defs/id' }, 'ab', 'a', {
    $defs: { id: { type: 'string', minLength: 2 } },
  }),
  property('$ref to definitions', { $ref: '#/definitions/id' }, 1, 'a', {
    definitions: { id: { type: 'integer' } },
  }),
  property('$ref with neighbours', { $ref: '#/$defs/id', maxLength: 3 }, 'ab', 'abcd', {
    $defs: { id: { type: 'string' } },
  }),
  property('$ref to an $anchor', { $ref: '#id' }, 1, 'a', {
    $defs: { id: { $anchor: 'id', type: 'integer' } },
  }),
  property('$ref to a nested $id', { $ref: 'https://example.com/id' }, 1, 'a', {
    $defs: { id: { $id: 'https://example.com/id', type: 'integer' } },
  }),
  property('$ref with escapes in the pointer', { $ref: '#/$defs/a~1b%20c' }, 1, 'a', {
    $defs: { 'a/b c': { type: 'integer' } },
  }),
  {
    name: 'a root that refers to itself',
    schema: {
      type: 'object',
      properties: { n: { type: 'number' }, children: { type: 'array', items: { $ref: '#' } } },
      required: ['n'],
    },
    valid: { n: 1, children: [{ n: 2, children: [] }] },
    invalid: { n: 1, children: [{ n: 'x' }] },
  },
  {
    name: 'a root that is a $ref',
    schema: {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
          required: ['next'],
        },
      },
    },
    valid: { next: { next: null } },
    invalid: { next: { next: 1 } },
  },
  {
    name: '$dynamicRef',
    schema: {
      $schema: draft2020,
      $dynamicAnchor: 'node',
      type: 'object',
      properties: { n: { type: 'number' }, child: { $dynamicRef: '#node' } },
      required: ['n'],
    },
    valid: { n: 1, child: { n: 2 } },
    invalid: { n: 1, child: { n: 'x' } },
  },
]

const documents: Case[] = [
  property('$schema of draft 2020-12 and an $id', { type: 'string' }, 'x', 1, {
    $schema: draft2020,
    $id: 'https://example.com/s',
    $comment: 'c',
  }),
  property('$schema of draft 7', { type: 'string' }, 'x', 1, { $schema: draft7 }),
  property('$schema of draft 2019-09', { type: 'string' }, 'x', 1, {
    $schema: 'https://json-schema.org/draft/2019-09/schema',
  }),
  property(
    '$vocabulary and unknown keywords',
    { type: 'string', 'x-order': 1, example: 'a', xml: { name: 'v' } },
    'x',
    1,
    { $vocabulary: {} },
  ),
  property(
    'annotations',
    {
      type: 'string',
      title: 't',
      description: 'd',
      default: 'x',
      examples: ['y'],
      deprecated: true,
      readOnly: true,
    },
    'x',
    1,
  ),
  property('a default of another type', { type: 'string', default: 5 }, 'x', 1),
  property(
    'enum with values like schemas',
    { enum: [{ format: 'date', $ref: '#/x' }] },
    { format: 'date', $ref: '#/x' },
    {},
  ),
  { name: 'no keywords at all', schema: {}, valid: { a: 1 } },
  { name: 'only a type', schema: { type: 'object' }, valid: {} },
  {
    name: 'a list of types that has object',
    schema: { type: ['object', 'null'], required: ['a'] },
    valid: { a: 1 },
    invalid: {},
  },
  {
    name: 'twenty levels',
    schema: nested(20),
    valid: deep(20, 1),
    invalid: deep(20, 'x'),
  },
  {
    name: 'a hundred properties',
    schema: {
      type: 'object',
      properties: Object.fromEntries(
        Array.from({ length: 100 }, (_, n) => [`p${n}`, { type: 'number' }]),
      ),
      required: Array.from({ length: 100 }, (_, n) => `p${n}`),
      additionalProperties: false,
    },
    valid: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`p${n}`, n])),
    invalid: { p0: 1 },
  },
]

function nested(levels: number): JsonSchema {
  if (levels === 0) return { type: 'number' }
  return {
    type: 'object',
    properties: { a: nested(levels - 1) },
    required: ['a'],
    additionalProperties: false,
  }
}

function deep(levels: number, value: unknown): unknown {
  return levels === 0 ? value : { a: deep(levels - 1, value) }
}

/** Schemas for the keywords of drafts 7 and 2020-12, and for what generators of schemas write. */
export const corpus: readonly Case[] = [
  ...types,
  ...strings,
  ...numbers,
  ...arrays,
  ...objects,
  ...combinations,
  ...references,
  ...documents,
]
