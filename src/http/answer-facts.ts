import type { Notice, TurnEvent } from '../turn/event.ts'
import { addUsage, noUsage } from '../turn/usage.ts'
import type { RequestRecord } from './request-records.ts'

/** What an answer's events tell of it, for headers and for the log. */
export class AnswerFacts {
  readonly #requested: readonly Notice[]
  readonly #notices: Notice[] = []
  readonly #record: RequestRecord
  readonly #texts: string[][] = []
  readonly #keepText: boolean
  #claudeUsd: number | undefined
  #pricedUsd: number | undefined
  #sessionId: string | undefined
  #isRelayed = false
  #cache: Extract<Notice, { type: 'cache' }> | undefined

  /** `requested` are the notices of the request itself; `record` is filled as the events come. */
  constructor(requested: readonly Notice[], record: RequestRecord, keepText: boolean) {
    this.#requested = requested
    this.#record = record
    this.#keepText = keepText
  }

  push(choice: number, event: TurnEvent): void {
    const { facts, startedMs } = this.#record
    switch (event.type) {
      case 'notice':
        if (event.notice.type === 'cache') {
          this.#cache = event.notice
          facts.cache = event.notice.state
        } else this.#notices.push(event.notice)
        break
      case 'start':
        facts.firstTokenMs ??= performance.now() - startedMs
        facts.provider ??= event.provider
        facts.model ??= event.model
        this.#sessionId ??= event.sessionId
        break
      case 'text-delta':
        if (this.#keepText) (this.#texts[choice] ??= []).push(event.text)
        break
      case 'relay':
        this.#isRelayed = true
        break
      case 'finish':
        // What came from the cache or from another's turn has been counted once, there.
        if (this.#cache === undefined || this.#cache.state === 'miss') {
          facts.usage = addUsage(facts.usage ?? noUsage, event.usage)
        }
        this.#sessionId ??= event.claude?.sessionId
        if (event.claude) this.#claudeUsd = (this.#claudeUsd ?? 0) + event.claude.costUsd
        if (event.costUsd !== undefined) this.#pricedUsd = (this.#pricedUsd ?? 0) + event.costUsd
        break
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
      case 'sealed-reasoning':
      case 'tool-call-start':
      case 'tool-call-delta':
      case 'tool-call-end':
      case 'activity':
        break
    }
  }

  /** What Claude Code says that it has cost, and what follows from stated prices. */
  get costUsd(): number | undefined {
    if (this.#claudeUsd === undefined) return this.#pricedUsd
    return this.#claudeUsd + (this.#pricedUsd ?? 0)
  }

  /** The answer's text, one a choice, when it was kept. */
  get texts(): string[] {
    return this.#texts.map((pieces) => pieces.join(''))
  }

  /** What is known so far, as response headers; ASCII only. */
  get headers(): Record<string, string> {
    // An upstream of the caller's dialect gets the body as it is: nothing of it was ignored.
    const requested = this.#isRelayed
      ? this.#requested.filter(({ type }) => type !== 'ignored-parameter')
      : this.#requested
    const { provider } = this.#record.facts
    const headers = noticeHeaders([...requested, ...this.#notices])
    if (this.#cache) Object.assign(headers, cacheHeaders(this.#cache))
    if (provider !== undefined) headers['x-provider'] = headerText(provider)
    if (this.#sessionId !== undefined) headers['x-claude-session-id'] = headerText(this.#sessionId)
    if (this.#claudeUsd !== undefined) headers['x-claude-cost-usd'] = costText(this.#claudeUsd)
    if (this.#pricedUsd !== undefined) headers['x-cost-usd'] = costText(this.#pricedUsd)
    return headers
  }

  /** What a failure tells as well: who was asked, and how each failed. */
  get failureHeaders(): Record<string, string> {
    return noticeHeaders(this.#notices.filter(({ type }) => type === 'attempt'))
  }
}

function cacheHeaders(cache: Extract<Notice, { type: 'cache' }>): Record<string, string> {
  const { state, key, ageMs, savedTokens } = cache
  return {
    'x-cache': state,
    'x-cache-key': key,
    ...(ageMs !== undefined && { age: String(Math.floor(ageMs / 1000)) }),
    ...(savedTokens !== undefined && { 'x-cache-saved': String(savedTokens) }),
  }
}

function noticeHeaders(notices: readonly Notice[]): Record<string, string> {
  if (notices.length === 0) return {}
  const lines: Record<Exclude<Notice['type'], 'attempt' | 'cache'>, Set<string>> = {
    'ignored-parameter': new Set(),
    'dropped-option': new Set(),
    'model-mapped': new Set(),
    remark: new Set(),
  }
  const attempts: string[] = []
  for (const notice of notices) {
    // The same provider may fail in the same way twice.
    if (notice.type === 'attempt') attempts.push(noticeText(notice))
    else if (notice.type !== 'cache') lines[notice.type].add(noticeText(notice))
  }
  const headers = {
    'x-ignored-parameters': [...lines['ignored-parameter']].join(', '),
    'x-dropped-options': [...lines['dropped-option']].join(', '),
    'x-model-mapped': [...lines['model-mapped']].join(', '),
    'x-notice': [...lines.remark].join('; '),
    'x-attempts': attempts.join(', '),
  }
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([, text]) => text !== '')
      .map(([name, text]) => [name, headerText(text)]),
  )
}

function noticeText(notice: Notice): string {
  switch (notice.type) {
    case 'ignored-parameter':
    case 'dropped-option':
      return notice.name
    case 'model-mapped':
      return `${notice.from} -> ${notice.to}`
    case 'remark':
      return notice.text
    case 'cache':
      return notice.state
    case 'attempt':
      return `${notice.provider}=${notice.outcome}`
  }
}

const longestHeader = 1_000

/** Text that may stand in a header: visible ASCII; everything else becomes `?`. */
export function headerText(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, longestHeader)
    .trim()
}

/** Dollars without an exponent. */
function costText(costUsd: number): string {
  return String(Number(costUsd.toFixed(8)))
}
