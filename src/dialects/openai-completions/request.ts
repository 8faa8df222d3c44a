import { z } from 'zod'
import { TurnError } from '../../turn/error.ts'
import { firstProblem } from '../openai-chat/problem.ts'

const flag = z.boolean().nullish()
const text = z.string().min(1)

/** What completions have of their own; everything else is read as chat completions read it. */
const requestSchema = z.looseObject({
  prompt: z.union([text, z.array(text).min(1)], { error: 'a string or an array of strings' }),
  echo: flag,
  suffix: z.string().nullish(),
  best_of: z.int().min(1).max(20).nullish(),
  n: z.int().min(1).nullish(),
  logprobs: z.int().min(0).max(5).nullish(),
})

export type CompletionRequest = z.infer<typeof requestSchema>

/** The body as a request. Throws a `TurnError` that names the first field at fault, what came and what is allowed. */
export function parseRequest(body: unknown): CompletionRequest {
  refuseTokens(body)
  const parsed = requestSchema.safeParse(body)
  if (!parsed.success) throw firstProblem(parsed.error, body)
  return parsed.data
}

/** The texts to go on from, in order. */
export function promptsOf({ prompt }: Pick<CompletionRequest, 'prompt'>): string[] {
  return typeof prompt === 'string' ? [prompt] : prompt
}

/** Numbers in place of text are tokens, of a vocabulary that Claude does not have. */
function refuseTokens(body: unknown): void {
  const prompt = typeof body === 'object' && body !== null && Reflect.get(body, 'prompt')
  if (!Array.isArray(prompt)) return
  const [first] = prompt.flat() as unknown[]
  if (typeof first !== 'number') return
  throw new TurnError(
    'unsupported_parameter',
    'prompt is an array of token numbers, which Claude does not understand. Send it as text.',
    { param: 'prompt' },
  )
}
