import {
  honoured,
  ignored,
  is,
  isEmptyObject,
  type Parameter,
  refused,
} from '../parameter-table.ts'

/** Every parameter of OpenAI's chat completions, and `claude_options`; docs/parameters.md is held to it. */
export const parameters = {
  messages: honoured(
    'Each message reaches the model as its own turn, in order; system and developer messages are the instructions.',
  ),
  model: honoured(
    'The model that answers; a name of OpenAI stands for the configured default and is disclosed in `x-model-mapped`.',
  ),
  stream: honoured('Chunks leave as they arrive from Claude.'),
  stream_options: honoured(
    '`include_usage` adds the usage chunk; `include_obfuscation` is ignored.',
  ),
  n: honoured('By as many turns; each costs what one turn costs. At most MAX_CHOICES.'),
  stop: honoured('The answer is cut before the first of these texts.'),
  max_completion_tokens: honoured(
    'The answer is cut there, and `finish_reason` is `length`. Thinking counts.',
  ),
  max_tokens: honoured('As `max_completion_tokens`, which wins.'),
  reasoning_effort: honoured("By Claude Code's effort; `claude_options.effort` wins."),
  claude_options: honoured('What only Claude Code can do; unknown keys are refused.'),
  response_format: honoured(
    "By Claude Code's structured output; the answer is checked against the schema, and asked for again within a bound.",
  ),
  modalities: refused('Claude Code answers with text only.', (value) => isOnly(value, 'text')),
  tools: honoured(
    'Offered to Claude word for word; the calls come back to you. With `strict`, arguments are checked against the schema.',
  ),
  tool_choice: honoured(
    'A call that must come is asked for in the system prompt, checked, and asked for again within a bound.',
  ),
  functions: honoured('As `tools`, in the older form.'),
  function_call: honoured('As `tool_choice`, in the older form.'),
  audio: refused('Claude Code answers with text only.'),
  logprobs: refused('Claude does not tell the probabilities of tokens.', is(false)),
  top_logprobs: refused('Claude does not tell the probabilities of tokens.', is(0)),
  temperature: ignored('Claude Code has no such setting.', is(1)),
  top_p: ignored('Claude Code has no such setting.', is(1)),
  seed: ignored('Claude has no repeatable sampling.'),
  presence_penalty: ignored('Claude has no such setting.', is(0)),
  frequency_penalty: ignored('Claude has no such setting.', is(0)),
  logit_bias: ignored('Claude has no such setting.', isEmptyObject),
  user: ignored('Callers are told apart by their key.'),
  safety_identifier: ignored('Callers are told apart by their key.'),
  metadata: ignored('Answers are not stored.', isEmptyObject),
  store: ignored('Answers are not stored.', is(false)),
  service_tier: ignored(
    '`flex` is honoured: such a turn is one of many, and lets others go first. There is no other tier.',
    is('auto', 'default', 'flex'),
  ),
  verbosity: ignored('Claude has no such setting; ask for it in the prompt.', is('medium')),
  prediction: ignored('Claude has no predicted outputs.'),
  parallel_tool_calls: honoured('`false`: an answer has at most one call.'),
  prompt_cache_key: ignored('Claude Code caches prompts by itself.'),
  prompt_cache_retention: ignored('Claude Code caches prompts by itself.'),
  prompt_cache_options: ignored('Claude Code caches prompts by itself.', isEmptyObject),
  web_search_options: ignored('Use `claude_options.tools: ["WebSearch"]`.'),
  moderation: ignored('No moderation service is called.'),
} as const satisfies Record<string, Parameter>

function isOnly(value: unknown, word: string): boolean {
  return Array.isArray(value) && value.every((item) => item === word)
}
