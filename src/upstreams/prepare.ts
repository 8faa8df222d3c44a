import {
  type Asked,
  asksForUsage,
  encodeRequest,
  isOwn,
  unchangedRequest,
} from '../dialects/openai-chat/client.ts'
import { RelayEvents } from '../dialects/openai-chat/relay-events.ts'
import type { TurnContext } from '../turn/backend.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import type { AnswerFacts } from './answers.ts'
import { costOf, type Price, type Priced, priceOf } from './price.ts'

/** What of an API decides how it is asked. */
export type PreparedFor = Priced & {
  /** As shown in `x-provider` and in errors. */
  name: string
  /** Sent as a bearer token; without it no `Authorization` header is sent. */
  key?: string
  /** Asked for instead of the caller's model. */
  model?: string
  /** What to ask for instead of some of the caller's models; wins over `model`. */
  models?: Readonly<Record<string, string>>
}

/** What is sent, and how what comes back is said. */
export type PreparedRequest = {
  written: string | Uint8Array
  notices: TurnEvent[]
  answer: AnswerFacts
  /** An event in the turn's own words, with what the answer has cost. Throws for what cannot be said in them. */
  say: (event: TurnEvent) => readonly TurnEvent[]
}

/** Writes the request for an API, in the way in which it is asked: the caller's own where the two speak the same dialect. */
export function prepare(
  options: PreparedFor,
  turn: Turn,
  { requestId }: Pick<TurnContext, 'requestId'>,
  { stream, attachments }: Pick<Asked, 'stream' | 'attachments'>,
): PreparedRequest {
  const mapped = modelFor(options, turn)
  const price = priceOf(options, mapped ?? turn.model ?? '')
  const asked: Asked = { stream, attachments, tellsUsage: price !== undefined }
  if (mapped !== undefined) asked.model = mapped
  const bytes = unchangedRequest(turn, asked)
  const body = bytes ? turn.source.body : encodeRequest(turn, asked)
  const { model } = body
  const notices: TurnEvent[] = []
  if (turn.model !== undefined && typeof model === 'string' && turn.model !== model) {
    notices.push({ type: 'notice', notice: { type: 'model-mapped', from: turn.model, to: model } })
  }
  return {
    written: bytes ?? JSON.stringify(body),
    notices,
    answer: {
      upstream: mapped === undefined ? options : { ...options, model: mapped },
      fallbackId: `chatcmpl-${requestId}`,
      requestedModel: typeof model === 'string' ? model : '',
      hidesUsage: price !== undefined && !asksForUsage(turn),
    },
    say: sayer(isOwn(turn) ? undefined : new RelayEvents(), price),
  }
}

function sayer(
  translated: RelayEvents | undefined,
  price: Price | undefined,
): PreparedRequest['say'] {
  return (event) => {
    const told = price ? priced(event, price) : event
    return translated ? translated.push(told) : [told]
  }
}

/** The end of an answer says what it has cost, where that is known. */
function priced(event: TurnEvent, price: Price): TurnEvent {
  if (event.type !== 'finish') return event
  const costUsd = costOf(event.usage, price)
  return costUsd === undefined ? event : { ...event, costUsd }
}

function modelFor({ model, models = {} }: PreparedFor, turn: Turn): string | undefined {
  const asked = turn.model
  return asked !== undefined && Object.hasOwn(models, asked) ? models[asked] : model
}

export function hasAttachments({ claude }: Turn): boolean {
  return claude.files.length > 0 || claude.images.length > 0
}
