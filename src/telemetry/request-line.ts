import type { RequestFinished } from './events.ts'

/** A request as one line for a person: `POST /v1/chat/completions 200 claude sonnet 1.2 s (first 0.3 s) 12+34 tokens`. */
export function requestLine(event: RequestFinished): string {
  const first = event.firstTokenMs === undefined ? '' : ` (first ${seconds(event.firstTokenMs)})`
  const { usage } = event
  const tokens =
    usage === undefined
      ? undefined
      : `${usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens}+${usage.outputTokens} tokens`
  return [
    event.method,
    event.route,
    String(event.status),
    event.errorCode,
    event.provider,
    event.model,
    seconds(event.durationMs) + first,
    tokens,
    event.id,
  ]
    .filter((word) => word !== undefined)
    .join(' ')
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(durationMs < 10_000 ? 2 : 1)} s`
}
