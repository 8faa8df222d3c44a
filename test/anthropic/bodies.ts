import fc from 'fast-check'
import { anything, mostly, nastyText } from '../api/server/bodies.ts'

/** Bodies of `/v1/messages` that are right, nearly right, or meant to harm. */

const text = fc.record({ type: fc.constant('text'), text: mostly(nastyText, 9) })
const source = fc.oneof(
  fc.record({
    type: fc.constant('base64'),
    media_type: mostly(fc.constantFrom('image/png', 'application/pdf')),
    data: mostly(fc.constantFrom('eA==', 'eA', '=', '')),
  }),
  fc.record({ type: fc.constantFrom('url', 'file', 'text', 'content'), url: nastyText }),
)
const block = fc.oneof(
  { arbitrary: text, weight: 4 },
  fc.record({ type: fc.constantFrom('image', 'document'), source: mostly(source) }),
  fc.record({
    type: fc.constant('tool_result'),
    tool_use_id: mostly(fc.constantFrom('a', 'b')),
    content: mostly(fc.oneof(nastyText, fc.array(text, { maxLength: 2 }))),
    is_error: mostly(fc.boolean()),
  }),
  fc.record({
    type: fc.constant('tool_use'),
    id: mostly(fc.constantFrom('a', 'b')),
    name: mostly(nastyText),
    input: mostly(fc.constantFrom({}, { x: 1 })),
  }),
  fc.record({ type: nastyText, thinking: nastyText, signature: nastyText }),
)
const message = fc.record({
  role: mostly(fc.constantFrom('user', 'assistant', 'system'), 12),
  content: mostly(fc.oneof(nastyText, fc.array(block, { maxLength: 3 })), 9),
})
const tool = fc.record(
  {
    type: fc.oneof(
      { arbitrary: fc.constantFrom(null, 'custom', 'web_search_20250305'), weight: 9 },
      nastyText,
    ),
    name: mostly(fc.constantFrom('f', 'g', 'Bash'), 9),
    description: mostly(nastyText),
    input_schema: mostly(fc.constant({ type: 'object' }), 9),
    strict: mostly(fc.boolean()),
  },
  { requiredKeys: ['name'] },
)

const hello = { role: 'user', content: 'Hello' }
const plain = { model: 'sonnet', max_tokens: 100, messages: [hello] }

/** So many fields are in one body that each must be right nearly always for a body to be. */
function often<T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return mostly(good, 30)
}

const parameters = fc.record(
  {
    model: often(fc.constantFrom('sonnet', 'claude-opus-5-5')),
    max_tokens: often(fc.integer({ min: 1, max: 100 })),
    system: often(fc.oneof(nastyText, fc.array(text, { maxLength: 2 }))),
    stream: often(fc.boolean()),
    stop_sequences: often(fc.array(nastyText, { maxLength: 3 })),
    tools: often(fc.array(tool, { maxLength: 3 })),
    tool_choice: often(
      fc.record({ type: fc.constantFrom('auto', 'any', 'tool', 'none'), name: nastyText }),
    ),
    thinking: often(
      fc.record({
        type: fc.constantFrom('enabled', 'adaptive', 'disabled'),
        budget_tokens: often(fc.integer({ min: 1024, max: 4000 })),
        display: often(fc.constantFrom('omitted', 'summarized')),
      }),
    ),
    output_config: often(fc.record({ effort: often(fc.constantFrom('low', 'max')) })),
    metadata: often(fc.constant({})),
    temperature: often(fc.double({ min: 0, max: 1, noNaN: true })),
    mcp_servers: often(fc.constant([])),
    claude_options: often(fc.constantFrom({}, { effort: 'low' }, { tools: ['Nope'] })),
    unknown: anything,
  },
  { requiredKeys: [] },
)

/** As JSON texts. */
export const nearlyRight = {
  messages: fc
    .array(message, { maxLength: 4 })
    .map((messages) => JSON.stringify({ ...plain, messages: [...messages, hello] })),
  parameters: parameters.map((more) => JSON.stringify({ ...plain, ...more })),
  wholes: anything.map((value) => JSON.stringify(value)),
}
