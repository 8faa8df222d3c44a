import { describe, expect, it } from 'vitest'
import type { JsonSchema } from '../../turn/tool.ts'
import { foldSchema } from './fold-schema.ts'

/** A property of the root folded. */
function folded(schema: JsonSchema): unknown {
  const { properties } = foldSchema({ type: 'object', properties: { v: schema } })
  return Object(properties).v
}

describe('foldSchema', () => {
  it('leaves a plain schema as it is', () => {
    const schema = {
      type: 'object',
      description: 'd',
      properties: {
        a: { type: 'string', enum: ['x'], pattern: '^x' },
        b: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/b' }] },
      },
      required: ['a'],
      additionalProperties: false,
      $defs: { b: { type: 'array', items: { type: 'integer' } } },
    }
    expect(foldSchema(schema)).toEqual(schema)
  })

  it('says what it takes out in the description, behind what is there', () => {
    expect(folded({ type: 'object', description: 'd.', dependentRequired: { a: ['b'] } })).toEqual({
      type: 'object',
      description: 'd. Also in its JSON Schema: {"dependentRequired":{"a":["b"]}}',
    })
  })

  it('takes out what would refuse more without its neighbour', () => {
    const tuple = folded({ type: 'array', prefixItems: [{}], items: false })
    expect(Object.keys(Object(tuple))).toEqual(['type', 'description'])
    const patterns = folded({
      type: 'object',
      properties: { ab: {} },
      patternProperties: { '^a': {} },
      additionalProperties: false,
    })
    expect(Object.keys(Object(patterns))).toEqual(['type', 'properties', 'description'])
  })

  it('takes out what would refuse more where a part allows more', () => {
    const date = { type: 'string', format: 'date' }
    expect(folded({ type: 'string', not: date })).not.toHaveProperty('not')
    expect(folded({ type: 'object', if: date, else: { required: ['a'] } })).not.toHaveProperty('if')
    expect(folded({ oneOf: [date, { type: 'string', format: 'email' }] })).toMatchObject({
      anyOf: [{ description: 'Format: date.' }, { description: 'Format: email.' }],
    })
    expect(folded({ not: { const: 1 } })).toEqual({ not: { const: 1 } })
  })

  it('has an object at the root, whatever is there', () => {
    expect(foldSchema({})).toEqual({ type: 'object' })
    const union = foldSchema({ anyOf: [{ required: ['a'] }, { required: ['b'] }] })
    expect(union).toMatchObject({ type: 'object', description: expect.stringContaining('"anyOf"') })
    expect(union).not.toHaveProperty('anyOf')
    const $defs = { n: { type: 'object', properties: { next: { $ref: '#/$defs/n' } } } }
    expect(foldSchema({ $ref: '#/$defs/n', $defs })).toEqual({ ...$defs.n, $defs })
  })

  it('takes names that the API refuses out of the root, with what counts on all names', () => {
    const schema = foldSchema({
      type: 'object',
      properties: { a: { type: 'string' }, Größe: { type: 'number' } },
      required: ['Größe'],
      additionalProperties: false,
    })
    expect(schema).toEqual({
      type: 'object',
      properties: { a: { type: 'string' } },
      description: expect.stringContaining('"Größe":{"type":"number"}'),
    })
  })

  it('says the whole schema in words when a reference is by name', () => {
    const schema = { properties: { a: { $ref: '#x' } }, $defs: { x: { $anchor: 'x' } } }
    expect(foldSchema(schema)).toEqual({
      type: 'object',
      description: `Also in its JSON Schema: ${JSON.stringify(schema)}`,
    })
  })
})
