import { describe, expect, it } from 'vitest'
import { compileSchema } from './schema-check.ts'

describe('compileSchema', () => {
  it('says nothing of a value that obeys, and every mistake of one that does not', () => {
    const check = compileSchema({
      type: 'object',
      properties: { a: { type: 'integer' }, b: { type: 'string' } },
      required: ['a', 'b'],
    })
    expect(check({ a: 1, b: 'x' })).toBeUndefined()
    expect(check({ a: 'x' })).toBe("value must have required property 'b'; value/a must be integer")
  })

  it('changes nothing in a value', () => {
    const value = { a: '1', extra: true }
    compileSchema({
      properties: { a: { type: 'integer' }, b: { default: 1 } },
      additionalProperties: false,
    })(value)
    expect(value).toEqual({ a: '1', extra: true })
  })

  it('reads draft 2020-12 unless $schema says draft 7', () => {
    const pair = [{ type: 'string' }, { type: 'number' }]
    const new2020 = compileSchema({ prefixItems: pair, items: false })
    expect(new2020(['a', 1])).toBeUndefined()
    expect(new2020(['a', 1, 2])).toBeDefined()
    const draft7 = compileSchema({
      $schema: 'http://json-schema.org/draft-07/schema#',
      items: pair,
      additionalItems: false,
    })
    expect(draft7(['a', 1])).toBeUndefined()
    expect(draft7(['a', 1, 2])).toBeDefined()
  })

  it('follows references inside the schema, round ones too', () => {
    const check = compileSchema({
      $defs: { node: { properties: { next: { $ref: '#/$defs/node' }, n: { type: 'number' } } } },
      $ref: '#/$defs/node',
    })
    expect(check({ next: { next: { n: 1 } } })).toBeUndefined()
    expect(check({ next: { next: { n: 'x' } } })).toContain('value/next/next/n')
  })

  it('checks formats', () => {
    const check = compileSchema({ properties: { when: { type: 'string', format: 'date' } } })
    expect(check({ when: '2026-11-24' })).toBeUndefined()
    expect(check({ when: 'today' })).toContain('format "date"')
  })

  it('ignores keywords and formats that no draft knows', () => {
    const check = compileSchema({ 'x-mine': 1, properties: { a: { format: 'x-mine' } } })
    expect(check({ a: 'anything' })).toBeUndefined()
  })

  it('takes an $id and a $schema that nobody has loaded, twice', () => {
    const schema = {
      $id: 'https://example.com/a',
      $schema: 'https://example.com/draft',
      type: 'object',
    }
    compileSchema(schema)
    expect(compileSchema(schema)({})).toBeUndefined()
  })

  it.each([
    { type: 'text' },
    { properties: { a: { minimum: 'x' } } },
    { $ref: '#/$defs/none' },
    { pattern: '(' },
  ])('throws for what is no schema: %j', (schema) => {
    expect(() => compileSchema(schema)).toThrow()
  })
})
