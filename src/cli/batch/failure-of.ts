import { z } from 'zod'

/** Why a line has no answer, as output and error files say it. */
export type LineFailure = { status: number | null; code: string | null; message: string }

const errorSchema = z.looseObject({ code: z.string().nullish(), message: z.string().nullish() })
const schema = z.looseObject({
  response: z
    .looseObject({
      status_code: z.number(),
      body: z.looseObject({ error: errorSchema.nullish() }).nullish().catch(undefined),
    })
    .nullish(),
  error: errorSchema.nullish(),
})

/** Reads a line of an error file; undefined: there is none. */
export function failureOf(line: Buffer | undefined): LineFailure {
  const { data } = schema.safeParse(line && JSON.parse(line.toString('utf8')))
  const status = data?.response?.status_code ?? null
  const error = data?.response?.body?.error ?? data?.error
  const message = error?.message ?? (status === null ? 'no answer' : `status ${status}`)
  return { status, code: error?.code ?? null, message }
}
