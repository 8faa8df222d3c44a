import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerCheck, answerSchema } from '../../src/engine/schema/structured-output.ts'
import { callsTools } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Case, corpus } from './corpus.ts'

const formatOf = ({ schema }: Case) =>
  ({ type: 'json-schema', name: 'answer', schema, strict: true }) as const

/** Compiles as Claude Code does; `test/contract/structured.test.ts` holds this to the real binary. */
function compileAsClaude(schema: Readonly<Record<string, unknown>>) {
  const ajv = new Ajv({
    allErrors: true,
    validateFormats: false,
    multipleOfPrecision: 6,
    logger: false,
  })
  return ajv.compile(schema)
}

describe.each(corpus)('the schema of $name', (entry) => {
  it('is checked as its draft says', () => {
    const check = answerCheck(formatOf(entry))
    expect(check(entry.valid)).toBeUndefined()
    if (entry.invalid !== undefined) expect(check(entry.invalid)).toBeDefined()
  })

  it('is folded to one that Claude Code takes, and that allows what the caller allows', () => {
    const folded = answerSchema(formatOf(entry))
    expect(folded).toMatchObject({ type: 'object' })
    for (const keyword of ['anyOf', 'oneOf', 'allOf']) expect(folded).not.toHaveProperty(keyword)
    const validate = compileAsClaude(folded ?? {})
    expect(validate(entry.valid) || validate.errors).toBe(true)
  })
})

/** Each costs a process: those that Claude Code would not take as they are; all of them with `STRUCTURED_ALL=1`. */
const risky = new Set([
  'an empty schema and a text like a number',
  'an empty schema and a text like JSON',
  'format date',
  'pattern with needless escapes',
  'nullable without a type',
  'multipleOf of cents',
  'prefixItems and no other items',
  'a tuple of draft 7',
  'patternProperties that match a property',
  'dependentRequired',
  'unevaluatedProperties',
  'Unicode names of properties',
  'anyOf at the root',
  '$ref to a nested $id',
  'a root that is a $ref',
  '$dynamicRef',
  '$schema of draft 2020-12 and an $id',
])
const run = corpus.filter(({ name }) => process.env['STRUCTURED_ALL'] === '1' || risky.has(name))

describe('the real binary', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ WAITING_PROCESSES: '0' })
  })
  afterAll(() => server.close())

  it.each(run)(
    'hands over the valid value of $name, after an invalid one too',
    async ({ name, schema, valid, invalid }) => {
      const inputs = invalid === undefined ? [valid] : [invalid, valid]
      const before = server.anthropic.requests.length
      server.anthropic.enqueue(
        ...inputs.map((input) => callsTools([{ name: 'StructuredOutput', input }])),
      )
      const { choices } = await server.client.chat.completions.create({
        model: 'sonnet',
        messages: [{ role: 'user', content: name }],
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'answer', schema, strict: true },
        },
      })
      expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual(valid)
      expect(choices[0]?.finish_reason).toBe('stop')
      expect(server.anthropic.requests).toHaveLength(before + inputs.length)
    },
  )
})
