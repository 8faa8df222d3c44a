import type { Readable } from 'node:stream'
import { Repeatable } from './repeatable.ts'
import type { Cancellation } from '../turn/cancellation.ts'
import type { Allowance } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import { allowedOf, nobodyAllowed } from './allowed.ts'
import { Asking, type AskingOptions } from './asking.ts'
import type { Ticket } from './breaker/breaker.ts'
import { orderOf } from './order.ts'
import type { Provider } from './provider.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** A request that is no turn, as it came. */
export type PassedRequest = {
  /** Below the version, with the query: `/embeddings`. */
  path: string
  headers: Headers
  body: AsyncIterable<Uint8Array>
  cancellation: Cancellation
  requestId: string
  /** What the caller's key leaves of what the owner allows. */
  allowed?: Allowance
}

/** Status and headers that are the caller's business; the body is read or destroyed by whoever gets it. */
export type PassedAnswer = {
  status: number
  headers: Record<string, string>
  body: Readable | Uint8Array
}

/** What one provider makes of a request; a failure may have an answer of its own. */
export type Passed =
  | { type: 'answer'; answer: PassedAnswer & { body: Readable } }
  | { type: 'failure'; error: TurnError; answer?: PassedAnswer }

/** A provider of one endpoint. Its breaker is for that endpoint: chat may be well where pictures are not. */
export type Passer = Pick<Provider, 'breaker' | 'group' | 'weight'> & {
  backend: { name: string }
  /** Throws only when the caller has left. */
  pass(
    request: Omit<PassedRequest, 'body' | 'cancellation' | 'requestId' | 'allowed'> & {
      body: Repeatable
      signal: AbortSignal
    },
  ): Promise<Passed>
}

/** The answer, or why there is none, and what became of each attempt. */
export type PassedOn = {
  told: readonly TurnEvent[]
  outcome: (PassedAnswer & { provider: string }) | TurnError
}

/** What is kept of a body, so that it can be sent again. A longer one goes out once. */
export const keptBytes = 4 * 1024 * 1024

/** What keeps other providers from turns keeps nobody from this. */
const noRemarks = { needsClaudeCode: [], unable: [] }

type Candidate = { provider: Passer & { isClaudeCode: false; repeatsItself: false } }

/**
 * Gives a request that is no turn to one provider after another, as asking.ts has it, until one answers: its answer has begun when its headers
 * are there. When nobody does, the first failure is the answer, in the provider's own words where there are any.
 */
export async function passOn(
  passers: readonly Passer[],
  request: PassedRequest,
  options: AskingOptions,
): Promise<PassedOn> {
  const { cancellation, requestId, allowed, ...rest } = request
  const able = allowedOf(passers, allowed)
  if (able.length === 0) return { told: [], outcome: nobodyAllowed(allowed) }
  const body = new Repeatable(request.body, keptBytes)
  const held = new Map<unknown, PassedAnswer & { provider: string }>()

  async function attempt(
    { provider }: Candidate,
    ticket: Ticket,
  ): Promise<(PassedAnswer & { provider: string }) | TurnError> {
    try {
      const passed = await provider.pass({ ...rest, body, signal: cancellation.signal })
      const { name } = provider.backend
      if (passed.type === 'answer') {
        ticket.succeeded()
        passed.answer.body.once('error', (error) => {
          if (!cancellation.aborted) provider.breaker.brokeOff(brokenOff(name, error))
        })
        return { ...passed.answer, provider: name }
      }
      ticket.failed(passed.error)
      if (passed.answer) held.set(passed.error, { ...passed.answer, provider: name })
      return passed.error
    } finally {
      ticket.released()
    }
  }

  const asking = new Asking<Candidate, PassedAnswer & { provider: string }>(
    {
      possible: orderOf(able, options.random ?? Math.random).map((passer) => ({
        provider: { ...passer, isClaudeCode: false, repeatsItself: false },
      })),
      attempt,
      canRepeat: () => body.canRepeat,
      context: { cancellation, requestId },
    },
    options,
  )
  const found = await asking.first().catch((thrown: unknown) => TurnError.from(thrown))
  const outcome = found ?? asking.trail.error(noRemarks)
  if (!(outcome instanceof TurnError)) return { told: asking.told, outcome }
  return { told: asking.told, outcome: held.get(outcome) ?? held.get(outcome.cause) ?? outcome }
}

function brokenOff(name: string, cause: Error): TurnError {
  return new TurnError('upstream_error', `The answer of the API "${name}" broke off.`, { cause })
}
