import { parameters as chatParameters } from '../openai-chat/parameters.ts'
import { honoured, is, type Parameter, refused } from '../parameter-table.ts'

const ofChat = refused('It belongs to /v1/chat/completions.')

/**
 * What legacy completions have besides chat completions, and what they do not have. Any other field is one of chat completions, by whose
 * table it is honoured, ignored or refused.
 */
export const ownParameters = {
  prompt: honoured(
    'A text, or a list of texts, each with `n` choices of its own; each reaches the model as one user message.',
  ),
  echo: honoured('Each choice begins with its prompt.'),
  suffix: refused('Claude does not fill in between two texts.', is('')),
  // Whether it asks for more than the choices that are returned depends on `n`; decode.ts looks at that.
  best_of: honoured('Where it is `n`; more is refused, since Claude does not tell which is best.'),
  logprobs: refused('Claude does not tell the probabilities of tokens.'),
  store: refused('Only chat completions are stored.', is(false)),
  messages: ofChat,
  tools: ofChat,
  functions: ofChat,
  response_format: ofChat,
} as const satisfies Record<string, Parameter>

/** What OpenAI has in both, and means alike. */
const shared = [
  'model',
  'stream',
  'stream_options',
  'n',
  'stop',
  'temperature',
  'top_p',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'user',
  'claude_options',
] as const satisfies readonly (keyof typeof chatParameters)[]

/** Every parameter of OpenAI's completions, and `claude_options`; docs/completions.md is held to it. */
export const parameters: Readonly<Record<string, Parameter>> = {
  prompt: ownParameters.prompt,
  echo: ownParameters.echo,
  suffix: ownParameters.suffix,
  best_of: ownParameters.best_of,
  logprobs: ownParameters.logprobs,
  max_tokens: honoured(
    'The answer is cut there; absent, it is not cut at all, as it is with OpenAI after 16.',
  ),
  ...Object.fromEntries(shared.map((name) => [name, chatParameters[name]])),
}
