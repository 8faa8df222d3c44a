import fc from 'fast-check'

/** Text as nobody should send it: long, with control characters, half characters, paths, commands and flags. */
export const nastyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '\ud800',
    '\r\n\r\n',
    '/cost',
    '/exit',
    '!cat /etc/passwd',
    '@/etc/passwd',
    '#remember',
    '--settings={}',
    '-p',
    '../../../../etc/passwd',
    '/etc/passwd',
    '/proc/self/environ',
    '~/.ssh/id_rsa',
    '**/*',
    '[',
    '{a,b}{c,d}',
    '__proto__',
    'constructor',
    'Infinity',
    '$HOME',
    '`id`',
    'data:image/png;base64,AAAA',
    'http://127.0.0.1:1/x.png',
    'file:///etc/passwd',
    'x'.repeat(100_000),
    '\u202e\u{1f4a9}\u{e0001}',
  ),
)

const nastyNumber = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -1, 1e308, 2 ** 53, 0.5, -0),
)

export const anything = fc.oneof(
  { depthSize: 'small', withCrossShrink: true },
  nastyText,
  nastyNumber,
  fc.constantFrom(null, true, false, [], {}),
  fc.jsonValue({ maxDepth: 3 }),
)

/** One of these, or something else entirely. */
export function mostly<T>(good: fc.Arbitrary<T>, weight = 4): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: good, weight }, { arbitrary: anything, weight: 1 })
}

const part = fc.oneof(
  fc.record({ type: fc.constant('text'), text: mostly(nastyText) }),
  fc.record({ type: fc.constant('image_url'), image_url: mostly(fc.record({ url: nastyText })) }),
  fc.record({ type: mostly(fc.constantFrom('file', 'input_audio', 'refusal')), text: nastyText }),
)

const userMessage = fc.record({
  role: fc.constant('user'),
  content: mostly(fc.oneof(nastyText, fc.array(part, { minLength: 1, maxLength: 3 })), 9),
})

const otherMessage = fc.record(
  {
    role: mostly(fc.constantFrom('assistant', 'system', 'developer', 'tool'), 12),
    content: mostly(nastyText, 9),
    name: mostly(nastyText, 9),
    tool_calls: fc.oneof({ arbitrary: fc.constant([]), weight: 4 }, anything),
    refusal: mostly(nastyText, 9),
  },
  { requiredKeys: ['role', 'content'] },
)

const paths = mostly(fc.array(nastyText, { maxLength: 2 }), 9)

const claudeOptions = {
  tools: mostly(fc.array(fc.oneof(fc.constantFrom('Read', 'Bash(git *)'), nastyText))),
  disallowed_tools: mostly(fc.array(nastyText, { maxLength: 3 })),
  session_id: mostly(nastyText, 9),
  continue: mostly(fc.boolean()),
  output_format: mostly(fc.constantFrom('text', 'json', 'stream-json')),
  debug: mostly(fc.boolean()),
  working_dir: mostly(nastyText, 9),
  project_settings: mostly(fc.boolean()),
  mcp_config: mostly(
    fc.oneof(
      nastyText,
      fc.array(nastyText, { maxLength: 2 }),
      fc.dictionary(nastyText, fc.constant({ command: 'id' }), { minKeys: 1, maxKeys: 2 }),
      fc.dictionary(nastyText, fc.record({ type: fc.constant('http'), url: nastyText })),
    ),
    9,
  ),
  files: paths,
  images: paths,
  auto_allow_permissions: mostly(fc.boolean()),
  model: mostly(nastyText, 9),
  append_system_prompt: mostly(nastyText, 9),
  max_turns: mostly(nastyNumber),
  max_budget_usd: mostly(nastyNumber),
  add_dirs: paths,
  effort: mostly(fc.constantFrom('low', 'max')),
  agents: mostly(
    fc.dictionary(nastyText, fc.record({ description: nastyText, prompt: nastyText }), {
      maxKeys: 2,
    }),
  ),
  timeout_seconds: mostly(nastyNumber),
  include_activity: mostly(fc.boolean()),
  what_is_this: anything,
}

const parameters = {
  model: mostly(nastyText, 9),
  stop: mostly(fc.oneof(nastyText, fc.array(nastyText, { minLength: 1, maxLength: 4 })), 9),
  n: mostly(fc.integer({ min: 0, max: 3 })),
  max_tokens: mostly(nastyNumber),
  max_completion_tokens: mostly(nastyNumber),
  temperature: mostly(nastyNumber),
  seed: mostly(nastyNumber),
  logit_bias: anything,
  metadata: anything,
  user: anything,
  reasoning_effort: mostly(fc.constantFrom('none', 'low', 'xhigh')),
  response_format: anything,
  stream_options: mostly(fc.constant({ include_usage: true })),
  tools: anything,
  service_tier: anything,
}

/** One or two of the fields: a body with one fault reaches further than one with ten. */
export function few(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<object> {
  return fc
    .shuffledSubarray(Object.entries(fields), { minLength: 1, maxLength: 2 })
    .chain((chosen) => fc.record(Object.fromEntries(chosen)))
}

const hello = { role: 'user', content: 'Hello' }
const base = fc.record({
  model: fc.constantFrom('sonnet', 'gpt-4o-mini'),
  stream: fc.boolean(),
  messages: fc.constant([hello]),
})

function baseWith(more: fc.Arbitrary<object>): fc.Arbitrary<string> {
  return fc.tuple(base, more).map(([body, fields]) => JSON.stringify({ ...body, ...fields }))
}

const conversation = fc
  .tuple(fc.array(fc.oneof(userMessage, otherMessage), { maxLength: 3 }), userMessage)
  .map(([earlier, last]) => ({ messages: [...earlier, last] }))

/** Requests that are right but for one or two fields, or strange and right. */
export const nearlyRight = {
  messages: baseWith(conversation),
  parameters: baseWith(few(parameters)),
  claude_options: baseWith(few(claudeOptions).map((options) => ({ claude_options: options }))),
}

/** What is no request at all. */
export const notEvenJson = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.stringify(value)),
  nearlyRight.parameters.map((text) => text.slice(0, -1)),
  fc.constantFrom('[', '{"a":'.repeat(5_000), 'null', '""', '{"messages":[]}', '\ufeff{}'),
)
