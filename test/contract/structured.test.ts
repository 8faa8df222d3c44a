import { afterAll, describe, expect, it } from 'vitest'
import { foldSchema } from '../../src/engine/schema/fold-schema.ts'
import { answerTool } from '../../src/engine/schema/structured-output.ts'
import type { JsonSchema } from '../../src/turn/tool.ts'
import { callsTools } from '../scripted-anthropic/server.ts'
import { Stage } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

/** What a process that has this schema, as it is, makes of an answer. */
async function answered(schema: JsonSchema, input: unknown): Promise<unknown> {
  await using process = await stage.start({
    options: { outputFormat: { type: 'json_schema', schema } },
  })
  stage.anthropic.respond = () => callsTools([{ name: answerTool, input }])
  const result = await process.turn('Answer')
  return result.subtype === 'success' ? result.structured_output : result.subtype
}

const property = (schema: unknown, more: JsonSchema = {}): JsonSchema => ({
  type: 'object',
  properties: { v: schema },
  ...more,
})

describe('a schema of an answer', () => {
  it.each([
    ['a keyword of draft 2020-12', property({ prefixItems: [] })],
    [
      '$schema of draft 2020-12',
      property({}, { $schema: 'https://json-schema.org/draft/2020-12/schema' }),
    ],
    ['a keyword that nobody knows', property({ 'x-order': 1 })],
    ['an `if` alone', property({ if: { const: 1 } })],
    [
      'a name and a pattern that match',
      {
        type: 'object',
        properties: { a: { minimum: 1 } },
        patternProperties: { '^a$': { maximum: 3 } },
      },
    ],
  ])('with %s is refused at the start, which is why it is folded', async (_name, schema) => {
    await expect(answered(schema, {})).rejects.toThrow('exit code 1')
    expect(await answered(foldSchema(schema), {})).toEqual({})
  })

  it('does not check formats, which is why answers are checked again', async () => {
    const schema = property({ type: 'string', format: 'date' })
    expect(await answered(schema, { v: 'today' })).toEqual({ v: 'today' })
  })

  it('changes a text of which nothing is said, which is why its type is said', async () => {
    expect(await answered(property({}), { v: '5' })).toEqual({ v: 5 })
    expect(await answered(foldSchema(property({})), { v: '5' })).toEqual({ v: '5' })
  })
})
