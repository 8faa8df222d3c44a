import fc from 'fast-check'
import { anything, few, mostly, nastyText, notEvenJson } from '../api/server/bodies.ts'

/** Bodies and addresses of responses and of completions that are right, nearly right, or meant to harm; bodies as JSON texts. */

const id = fc.constantFrom('a', 'b', 'msg_1', '')
const words = fc.record({
  type: mostly(fc.constantFrom('input_text', 'output_text', 'text', 'refusal'), 9),
  text: mostly(nastyText, 12),
})
const otherPart = fc.oneof(
  fc.record({
    type: fc.constantFrom('input_image', 'image_url'),
    image_url: mostly(fc.oneof(nastyText, fc.constant('data:image/png;base64,eA=='))),
    file_id: mostly(fc.constantFrom(null, 'file-1')),
  }),
  fc.record({
    type: fc.constantFrom('input_file', 'file', 'input_audio'),
    file_data: mostly(nastyText),
    filename: mostly(nastyText),
    file_id: mostly(fc.constantFrom(null, 'file-1')),
    file: mostly(fc.record({ file_data: nastyText })),
  }),
)
const content = mostly(
  fc.oneof(
    nastyText,
    fc.array(fc.oneof({ arbitrary: words, weight: 4 }, otherPart), { maxLength: 3 }),
  ),
  12,
)
const message = fc.record(
  {
    type: mostly(fc.constantFrom('message', null), 12),
    role: mostly(fc.constantFrom('user', 'assistant', 'system', 'developer'), 12),
    content,
    id: mostly(id),
  },
  { requiredKeys: ['role', 'content'] },
)
const call = fc.record({
  type: fc.constantFrom('function_call', 'custom_tool_call'),
  call_id: mostly(id),
  name: mostly(nastyText, 9),
  namespace: mostly(fc.constantFrom(null, 'sky')),
  arguments: mostly(fc.constantFrom('{}', '{"x":1}', '{', ''), 9),
  input: mostly(nastyText, 9),
})
const result = fc.record({
  type: fc.constantFrom('function_call_output', 'custom_tool_call_output'),
  call_id: mostly(id),
  output: content,
})
const otherItem = fc.oneof(
  fc.record({ type: fc.constant('item_reference'), id: mostly(nastyText) }),
  fc.record({ type: fc.constant('reasoning'), summary: anything, encrypted_content: anything }),
  fc.record({ type: fc.constant('compaction'), encrypted_content: mostly(nastyText) }),
  fc.record({ type: fc.constant('additional_tools'), tools: anything }),
  fc.record({ type: fc.constantFrom('web_search_call', 'computer_call', 'mcp_list_tools'), id }),
)
const item = fc.oneof(
  { arbitrary: message, weight: 4 },
  { arbitrary: call, weight: 2 },
  { arbitrary: result, weight: 2 },
  otherItem,
)

const ownTool = fc.record(
  {
    type: mostly(fc.constantFrom('function', 'custom'), 12),
    name: mostly(fc.constantFrom('f', 'g', 'Bash', 'mcp__x'), 9),
    description: mostly(nastyText),
    parameters: mostly(fc.constantFrom(null, {}, { type: 'object' }), 9),
    strict: mostly(fc.constantFrom(true, false, null)),
    format: mostly(fc.constant({ type: 'grammar', syntax: 'lark', definition: 'start: "x"' })),
  },
  { requiredKeys: ['type', 'name'] },
)
const tool = fc.oneof(
  { arbitrary: ownTool, weight: 5 },
  fc.record({ type: fc.constant('namespace'), name: nastyText, tools: fc.array(ownTool) }),
  fc.record({ type: fc.constantFrom('web_search', 'file_search', 'mcp', 'shell', 'computer') }),
)
const earlier = mostly(fc.constantFrom('resp_none', `resp_${'0'.repeat(32)}`))

const responseFields = {
  model: mostly(nastyText, 9),
  instructions: mostly(nastyText),
  stream: mostly(fc.boolean()),
  store: mostly(fc.boolean()),
  background: mostly(fc.boolean()),
  previous_response_id: earlier,
  conversation: mostly(fc.oneof(earlier, fc.record({ id: nastyText }))),
  tools: mostly(fc.array(tool, { maxLength: 3 }), 12),
  tool_choice: mostly(
    fc.oneof(
      fc.constantFrom('auto', 'none', 'required'),
      fc.record({ type: fc.constantFrom('function', 'custom', 'web_search'), name: nastyText }),
    ),
  ),
  parallel_tool_calls: mostly(fc.boolean()),
  text: mostly(
    fc.record({
      format: mostly(fc.record({ type: nastyText, name: nastyText, schema: anything })),
      verbosity: mostly(fc.constantFrom('low', 'high')),
    }),
  ),
  reasoning: mostly(
    fc.record({
      effort: mostly(fc.constantFrom('none', 'low', 'max', null)),
      summary: mostly(fc.constantFrom('auto', 'detailed', null)),
    }),
  ),
  include: mostly(fc.array(nastyText, { maxLength: 3 })),
  metadata: mostly(fc.dictionary(nastyText, nastyText, { maxKeys: 20 })),
  max_output_tokens: mostly(fc.integer({ min: 0, max: 99 })),
  max_tool_calls: mostly(fc.integer()),
  truncation: mostly(fc.constantFrom('auto', 'disabled')),
  temperature: anything,
  top_logprobs: anything,
  prompt: anything,
  user: anything,
  service_tier: mostly(fc.constantFrom('flex', 'fast')),
  stream_options: anything,
  context_management: anything,
  claude_options: mostly(fc.constantFrom({}, { effort: 'low' }, { tools: ['Nope'] })),
  unknown: anything,
}

const completionFields = {
  model: mostly(nastyText, 9),
  prompt: mostly(
    fc.oneof(nastyText, fc.array(nastyText, { maxLength: 6 }), fc.array(fc.array(fc.nat()))),
  ),
  n: mostly(fc.integer({ min: 0, max: 6 })),
  best_of: mostly(fc.integer({ min: 0, max: 6 })),
  echo: mostly(fc.boolean()),
  suffix: mostly(fc.constantFrom('', null, 'end')),
  stop: mostly(fc.oneof(nastyText, fc.array(nastyText, { maxLength: 5 }))),
  max_tokens: mostly(fc.integer({ min: -1, max: 99 })),
  logprobs: anything,
  stream_options: mostly(fc.record({ include_usage: mostly(fc.boolean()) })),
  temperature: anything,
  logit_bias: anything,
  user: anything,
  messages: anything,
  tools: anything,
  store: mostly(fc.boolean()),
  claude_options: mostly(fc.constantFrom({}, { effort: 'low' }, { tools: ['Nope'] })),
  unknown: anything,
}

const right = fc.record({ model: fc.constantFrom('sonnet', 'gpt-4o-mini'), stream: fc.boolean() })

function nearly(base: object, more: fc.Arbitrary<object>): fc.Arbitrary<string> {
  return fc
    .tuple(right, more)
    .map(([body, fields]) => JSON.stringify({ ...body, ...base, ...fields }))
}

const hello = { role: 'user', content: 'Hello' }

export const hostileBodies = {
  responses: {
    input: nearly(
      { store: false },
      fc.array(item, { maxLength: 4 }).map((items) => ({ input: [...items, hello] })),
    ),
    parameters: nearly({ input: 'Hello' }, few(responseFields)),
    wholes: fc.oneof(
      anything.map((input) => JSON.stringify({ input })),
      notEvenJson,
    ),
  },
  completions: {
    parameters: nearly({ prompt: 'Once' }, few(completionFields)),
    wholes: fc.oneof(
      anything.map((prompt) => JSON.stringify({ prompt })),
      notEvenJson,
    ),
  },
}

/** A conversation's, its items' and the other bodies that responses have beside their own. */
export const besideBodies = fc.oneof(
  fc
    .record({
      metadata: mostly(fc.dictionary(nastyText, nastyText)),
      items: mostly(fc.array(item)),
    })
    .map((body) => JSON.stringify(body)),
  hostileBodies.responses.input,
  notEvenJson,
)

const segment = fc.oneof(
  nastyText.map((text) => encodeURIComponent(Buffer.from(text.slice(0, 200)).toString())),
  fc.constantFrom('resp_none', 'conv_none', '%', '%00', '..', '%2e%2e', '%ff'),
)
const query = fc
  .dictionary(
    fc.constantFrom('limit', 'after', 'order', 'stream', 'starting_after', 'include'),
    fc.oneof(
      { arbitrary: fc.constantFrom('1', '-1', '0', 'true', 'asc', 'up'), weight: 4 },
      // An address that is too long is refused before it is read.
      nastyText.map((text) => text.slice(0, 200)),
    ),
    { maxKeys: 3 },
  )
  .map((fields) => new URLSearchParams(fields).toString())

/** Methods and addresses below `/v1`, with ids that are none. */
export const hostilePaths = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'DELETE'),
    fc.constantFrom(
      'responses/:id',
      'responses/:id/cancel',
      'responses/:id/input_items',
      'responses/compact',
      'responses/input_tokens',
      'conversations',
      'conversations/:id',
      'conversations/:id/items',
      'conversations/:id/items/:id',
    ),
    segment,
    query,
  )
  .map(([method, path, id, query]) => ({ method, path: `/${path.replaceAll(':id', id)}?${query}` }))
