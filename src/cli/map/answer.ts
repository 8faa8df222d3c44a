import { z } from 'zod'
import { failureOf, type LineFailure } from '../batch/failure-of.ts'

/** What came of one document, as a line of JSON shows it. */
export type MappedDocument = {
  file: string
  /** Null when there is none; the parsed value where a schema was given. */
  answer: unknown
  /** `length`: the answer was cut. */
  finish_reason: string | null
  model: string | null
  usage: unknown
  cost_usd: number | null
  error: LineFailure | null
}

const schema = z.looseObject({
  response: z.looseObject({
    body: z.looseObject({
      model: z.string().nullish(),
      choices: z.array(
        z.looseObject({
          finish_reason: z.string().nullish(),
          message: z.looseObject({ content: z.string().nullish() }),
        }),
      ),
      usage: z.unknown(),
      claude: z.looseObject({ cost_usd: z.number().nullish() }).nullish(),
    }),
  }),
})

/** Reads what the batch has for a document. `isJson`: the answer is a value. */
export function mappedDocument(
  file: string,
  line: Buffer | undefined,
  { isError, isJson }: { isError: boolean; isJson: boolean },
): MappedDocument {
  const nothing = { finish_reason: null, model: null, usage: null, cost_usd: null }
  const read =
    line === undefined || isError ? undefined : schema.safeParse(JSON.parse(line.toString('utf8')))
  const body = read?.data?.response.body
  const [choice] = body?.choices ?? []
  if (body === undefined || choice === undefined)
    return { file, answer: null, ...nothing, error: failureOf(line) }
  const text = choice.message.content ?? null
  return {
    file,
    answer: isJson && text !== null ? valueOf(text) : text,
    finish_reason: choice.finish_reason ?? null,
    model: body.model ?? null,
    usage: body.usage ?? null,
    cost_usd: body.claude?.cost_usd ?? null,
    error: null,
  }
}

/** The server has held the answer to the schema, but another server may not have, or the answer was cut. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
