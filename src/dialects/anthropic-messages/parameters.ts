import {
  honoured,
  ignored,
  is,
  isEmptyObject,
  type Parameter,
  refused,
} from '../parameter-table.ts'

/** Every parameter of the Messages API, and `claude_options`; docs/anthropic.md is held to it. */
export const parameters = {
  model: honoured('The model that answers, by any name that chat completions take.'),
  messages: honoured('Each message reaches the model as its own turn, in order.'),
  max_tokens: honoured(
    'The answer is cut there, and `stop_reason` is `max_tokens`. Thinking counts.',
  ),
  system: honoured('The system prompt, one text a block.'),
  stream: honoured('Events leave as they arrive from Claude.'),
  stop_sequences: honoured(
    'The answer is cut before the first of these texts, and `stop_sequence` names it.',
  ),
  tools: honoured(
    "Offered to Claude word for word; the calls come back to you. The API's own tools: see the table of tools.",
  ),
  tool_choice: honoured(
    'A call that must come is asked for in the system prompt, checked, and asked for again within a bound.',
  ),
  thinking: honoured(
    "Without it or with `disabled` none is asked for and none shown, though newer models think all the same. How much is Claude Code's own choice: `budget_tokens` is ignored.",
  ),
  output_config: honoured(
    "`effort` by Claude Code's effort, `format` by its structured output. `claude_options.effort` wins.",
  ),
  output_format: honoured('As `output_config.format`, in the older form.'),
  claude_options: honoured('What only Claude Code can do; unknown keys are refused.'),
  cache_control: honoured(
    'Everywhere accepted, and replaced: Claude Code sets the marks of the prompt cache itself.',
  ),
  mcp_servers: refused('Name MCP servers in `claude_options.mcp_config`.', isEmptyList),
  container: refused('There are no containers here.'),
  temperature: ignored('Claude Code has no such setting.', is(1)),
  top_p: ignored('Claude Code has no such setting.', is(1)),
  top_k: ignored('Claude Code has no such setting.'),
  metadata: ignored('Callers are told apart by their key.', isEmptyObject),
  context_management: ignored(
    'Nothing is taken out of a conversation that the caller keeps.',
    isEmptyObject,
  ),
  service_tier: ignored('There is no other tier.', is('auto', 'standard_only')),
  inference_geo: ignored('Where the model runs is a matter of the account.'),
  speed: ignored('There is one speed.', is('standard')),
  diagnostics: ignored('Claude Code has no such setting.', isEmptyObject),
  user_profile_id: ignored('Callers are told apart by their key.'),
  workspace_id: ignored('The account is the one that Claude Code is logged in to.'),
} as const satisfies Record<string, Parameter>

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
