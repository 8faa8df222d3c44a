import {
  honoured,
  ignored,
  is,
  isEmptyObject,
  type Parameter,
  refused,
} from '../parameter-table.ts'

/** Every parameter of OpenAI's responses, and `claude_options`; docs/responses.md is held to it. */
export const responseParameters = {
  input: honoured('A text or a list of items; each reaches the model as its own turn, in order.'),
  instructions: honoured('The system prompt, before system and developer messages of `input`.'),
  model: honoured(
    'The model that answers; a name of OpenAI stands for the configured default and is disclosed in `x-model-mapped`.',
  ),
  stream: honoured('Events leave as they arrive from Claude.'),
  stream_options: honoured('`include_obfuscation` is ignored.'),
  max_output_tokens: honoured('The answer is cut there, and is `incomplete`. Thinking counts.'),
  reasoning: honoured(
    "`effort` by Claude Code's effort; with `summary` the thinking that Claude shows is the summary; the rest is ignored.",
  ),
  text: honoured("`format` by Claude Code's structured output, checked; `verbosity` is ignored."),
  tools: honoured(
    'Functions, custom tools and namespaces of them come back to you as calls; `web_search` is WebSearch of Claude Code; `shell` and `apply_patch` as below; others are refused.',
  ),
  tool_choice: honoured(
    'A call that must come is asked for in the system prompt, checked, and asked for again within a bound.',
  ),
  parallel_tool_calls: honoured('`false`: an answer has at most one call.'),
  claude_options: honoured('What only Claude Code can do; unknown keys are refused.'),
  metadata: honoured('Given back with the response.'),
  include: honoured(
    '`reasoning.encrypted_content` is given; `message.output_text.logprobs` is refused; what only tools of OpenAI have is ignored.',
  ),
  service_tier: ignored(
    '`flex` is honoured: such a turn is one of many, and lets others go first. There is no other tier.',
    is('auto', 'default', 'flex'),
  ),
  store: honoured(
    'Kept unless it is `false`, for RESPONSE_KEEP_DAYS after its last use; where the owner keeps none, the response says `store: false`.',
  ),
  background: honoured(
    'Answered whether or not you wait; polled, cancelled, or streamed again from any event. Needs `store`.',
  ),
  previous_response_id: honoured(
    'Everything before it stands before the input, item by item; its instructions do not.',
  ),
  conversation: honoured(
    'Its items stand before the input; the input and the answer are added to it. Needs `store`.',
  ),
  prompt: refused('There are no stored prompts; send instructions and input.'),
  top_logprobs: refused('Claude does not tell the probabilities of tokens.', is(0)),
  temperature: ignored('Claude Code has no such setting.', is(1)),
  top_p: ignored('Claude Code has no such setting.', is(1)),
  presence_penalty: ignored('Claude has no such setting.', is(0)),
  frequency_penalty: ignored('Claude has no such setting.', is(0)),
  truncation: ignored(
    'Nothing is left out of a conversation that is too long; the request fails.',
    is('disabled'),
  ),
  max_tool_calls: honoured(
    'Calls of tools that run here, all together; further ones are refused to the model. Calls of your own functions do not count.',
  ),
  context_management: ignored('Claude Code compacts by itself.'),
  user: ignored('Callers are told apart by their key.'),
  safety_identifier: ignored('Callers are told apart by their key.'),
  prompt_cache_key: ignored('Claude Code caches prompts by itself.'),
  prompt_cache_retention: ignored('Claude Code caches prompts by itself.'),
  prompt_cache_options: ignored('Claude Code caches prompts by itself.', isEmptyObject),
  moderation: ignored('No moderation service is called.'),
  client_metadata: ignored('What a client says of itself is not kept.', isEmptyObject),
} as const satisfies Record<string, Parameter>
