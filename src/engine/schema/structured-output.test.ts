import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import type { JsonSchema, OutputFormat } from '../../turn/tool.ts'
import { answerCheck, answerSchema } from './structured-output.ts'

const formatOf = (schema: JsonSchema): OutputFormat => ({
  type: 'json-schema',
  name: 'x',
  schema,
  strict: true,
})
const folded = (schema: JsonSchema) => answerSchema(formatOf(schema))

function failure(schema: JsonSchema): TurnError {
  try {
    answerCheck(formatOf(schema))
  } catch (error) {
    if (error instanceof TurnError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('answerSchema', () => {
  it('is none for text, and any object for json_object', () => {
    expect(answerSchema({ type: 'text' })).toBeUndefined()
    expect(answerSchema({ type: 'json-object' })).toEqual({ type: 'object' })
  })

  it('says a format in the description, at any depth, and keeps the description', () => {
    const properties = {
      when: { type: 'string', format: 'date', description: 'The day.' },
      all: { type: 'array', items: { anyOf: [{ type: 'string', format: 'email' }] } },
    }
    expect(folded({ type: 'object', properties })).toMatchObject({
      properties: {
        when: { type: 'string', description: 'The day. Format: date.' },
        all: { items: { anyOf: [{ type: 'string', description: 'Format: email.' }] } },
      },
    })
    expect(JSON.stringify(folded({ type: 'object', properties }))).not.toContain('"format"')
  })

  it('leaves properties alone whose names are keywords', () => {
    const properties = {
      format: { type: 'string' },
      properties: { type: 'object', properties: { format: { type: 'number' }, $id: {} } },
    }
    expect(folded({ type: 'object', properties })).toMatchObject({ properties })
  })

  it('leaves values alone that look like schemas', () => {
    const values = { enum: [{ format: 'date' }], const: { $id: 'x' }, default: { format: 'x' } }
    expect(folded({ type: 'object', properties: { a: values } })).toMatchObject({
      properties: { a: values },
    })
  })

  it('leaves out what says something about the document only', () => {
    const schema = { $schema: 'https://x', $id: 'https://y', $comment: 'z', type: 'object' }
    expect(folded(schema)).toEqual({ type: 'object' })
  })

  it('changes nothing in the caller’s own schema', () => {
    const schema = { type: 'object', properties: { when: { type: 'string', format: 'date' } } }
    const before = structuredClone(schema)
    folded(schema)
    expect(schema).toEqual(before)
  })
})

describe('answerCheck', () => {
  it('wants any object for json_object', () => {
    const check = answerCheck({ type: 'json-object' })
    expect(check({ a: 1 })).toBeUndefined()
    for (const value of [undefined, null, [], 'x', 1]) expect(check(value)).toBeDefined()
  })

  it('holds an answer to the caller’s own schema, formats included', () => {
    const check = answerCheck(
      formatOf({ type: 'object', properties: { when: { type: 'string', format: 'date' } } }),
    )
    expect(check({ when: '2026-11-24' })).toBeUndefined()
    expect(check({ when: 'today' })).toContain('format "date"')
    expect(check(undefined)).toBeDefined()
  })

  it('refuses a schema that is none, and names it', () => {
    expect(failure({ type: 'object', properties: { a: { type: 'text' } } })).toMatchObject({
      code: 'invalid_value',
      param: 'response_format.json_schema.schema',
    })
  })

  it('refuses a schema of something else than an object', () => {
    expect(failure({ type: 'array' })).toMatchObject({
      code: 'invalid_value',
      param: 'response_format.json_schema.schema.type',
      message: expect.stringContaining('"array"'),
    })
  })
})
