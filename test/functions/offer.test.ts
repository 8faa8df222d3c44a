import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { callsOf, cityTool, question, requestsDuring, weather } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

/** What the model is offered when a client sends these tools. */
async function offered(
  tools: Parameters<TestServer['client']['chat']['completions']['create']>[0]['tools'],
) {
  server.anthropic.enqueue(says('Fine.'))
  const { requests } = await requestsDuring(server, () =>
    server.client.chat.completions.create({ model: 'sonnet', messages: [question], tools }),
  )
  return (requests[0]?.body.tools ?? []).map(({ name, description, input_schema }) => ({
    name,
    description,
    input_schema,
  }))
}

const everyKeyword = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  description: 'A tree.',
  $defs: {
    node: {
      type: 'object',
      properties: { value: { type: ['string', 'null'] }, next: { $ref: '#/$defs/node' } },
      additionalProperties: false,
    },
  },
  properties: {
    root: { $ref: '#/$defs/node', description: 'Where it begins.' },
    size: { anyOf: [{ type: 'integer', minimum: 1 }, { const: 'any' }] },
    when: { type: 'string', format: 'date-time', pattern: '^\\d{4}' },
    kind: { enum: ['a', 1, null], default: 'a', examples: ['a'] },
    pair: { type: 'array', prefixItems: [{ type: 'string' }], items: false, uniqueItems: true },
    'a.b-c_D': { oneOf: [{ type: 'boolean' }, { type: 'number', multipleOf: 0.5 }] },
  },
  patternProperties: { '^x-': {} },
  propertyNames: { maxLength: 20 },
  required: ['root'],
  dependentRequired: { size: ['kind'] },
  if: { properties: { kind: { const: 1 } } },
  else: { required: ['size'] },
  not: { required: ['never'] },
  additionalProperties: { type: 'string' },
}

describe('tools of type function', () => {
  it('reach the model word for word, whatever the schema', async () => {
    const description = 'Plants a tree.\n\n  "Quotes", emoji 🌳 and <tags> stay.  '
    const tool = {
      type: 'function' as const,
      function: { name: 'plant', description, parameters: everyKeyword },
    }
    expect(await offered([tool])).toEqual([
      { name: 'plant', description, input_schema: everyKeyword },
    ])
  })

  it('reach the model, sorted by name, when there are 128 with names of 64 characters', async () => {
    const names = Array.from({ length: 128 }, (_, index) =>
      `${1000 + index}_${'n'.repeat(64)}`.slice(0, 64),
    )
    const found = await offered(names.map((name) => cityTool(name)).toReversed())
    expect(found.map(({ name }) => name)).toEqual(names)
    expect(found[127]?.input_schema).toEqual(weather.function.parameters)
  })

  it('may have neither description nor parameters', async () => {
    const found = await offered([{ type: 'function', function: { name: 'now' } }])
    expect(found).toEqual([
      { name: 'now', description: '', input_schema: { type: 'object', properties: {} } },
    ])
  })

  it('are told to be of an object where the schema does not say so', async () => {
    const $defs = { place: { type: 'object', properties: { city: {} } } }
    const schemas = [{}, { $ref: '#/$defs/place', $defs }, { type: ['object', 'null'] }]
    const tools = schemas.map((parameters, index) => ({
      type: 'function' as const,
      function: { name: `tool_${index}`, parameters },
    }))
    const found = await offered(tools)
    expect(found.map(({ input_schema }) => input_schema)).toEqual(
      schemas.map((schema) => ({ ...schema, type: 'object' })),
    )
  })

  it.each([
    ['any', 'anyOf', 'at least one of'],
    ['one', 'oneOf', 'exactly one of'],
  ])(
    'reach the model flattened by Claude Code when the schema is %s of several',
    async (_, keyword, words) => {
      const parts = ['city', 'zip'].map((name) => ({
        type: 'object',
        properties: { [name]: { type: 'string' } },
        required: [name],
      }))
      const tool = { name: 'find', description: 'Finds.', parameters: { [keyword]: parts } }
      const [found] = await offered([{ type: 'function', function: tool }])
      expect(found?.description).toMatch(
        new RegExp(`${words}: \\(city\\) or \\(zip\\)[^]*Finds\\.$`),
      )
      expect(found?.input_schema).toMatchObject({
        type: 'object',
        properties: { city: { type: 'string' }, zip: { type: 'string' } },
      })
    },
  )

  it.each(['mcp__caller__x', 'Task', 'Read', 'StructuredOutput', 'get-weather', '_', '0'])(
    'may be called %s, and a call comes back under that name',
    async (name) => {
      server.anthropic.enqueue(callsTools([{ id: 'toolu_1', name, input: { city: 'Rome' } }]))
      const answer = await server.client.chat.completions.create({
        model: 'sonnet',
        messages: [question],
        tools: [cityTool(name)],
      })
      expect(callsOf(answer.choices[0]?.message.tool_calls)).toEqual([
        { id: 'toolu_1', name, arguments: { city: 'Rome' } },
      ])
    },
  )

  it('are refused when there are 129, or two of one name', async () => {
    const many = Array.from({ length: 129 }, (_, index) => cityTool(`tool_${index}`))
    await expect(offered(many)).rejects.toMatchObject({ status: 400, param: 'tools' })
    await expect(offered([cityTool('twice'), cityTool('twice')])).rejects.toMatchObject({
      status: 400,
      param: 'tools[1]',
    })
  })

  it.each([
    ['type', { type: 'string' }],
    ['properties', { type: 'object', properties: { größe: { type: 'number' } } }],
    ['properties', { type: 'object', properties: { ['l'.repeat(65)]: {} } }],
  ])(
    'are refused by the schema’s %s when Claude Code would leave the tool out',
    async (key, schema) => {
      await expect(offered([cityTool('x', { parameters: schema })])).rejects.toMatchObject({
        status: 400,
        param: `tools[0].function.parameters.${key}`,
      })
    },
  )

  it.each(['', 'with space', 'n'.repeat(65), 'naïve'])(
    'are refused by the name "%s"',
    async (name) => {
      await expect(offered([cityTool(name)])).rejects.toMatchObject({
        status: 400,
        param: 'tools[0].function.name',
      })
    },
  )
})
