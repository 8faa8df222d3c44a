import type { SettingValues } from './schema.ts'

/** How failover goes; times are milliseconds. */
export type FailoverConfig = {
  /** Names of providers and groups, the first to be asked first; empty: as configured. */
  order: string[]
  passthroughProvider?: string
  retries: { retries: number; totalMs: number }
  rule: { failures: number; share: number; atLeast: number; windowMs: number; restMs: number }
  /** Of a fallback that says nothing of its own. */
  timeouts: {
    connectMs: number
    headersMs: number
    firstOutputMs: number
    idleMs: number
    answerMs: number
    silenceMs: number
    turnMs: number
  }
}

/** A share means little among fewer. */
const leastOutcomes = 10

export function failoverConfig(values: SettingValues): FailoverConfig {
  return {
    order: values.PROVIDER_ORDER ?? [],
    ...(values.PASSTHROUGH_PROVIDER !== undefined && {
      passthroughProvider: values.PASSTHROUGH_PROVIDER,
    }),
    retries: { retries: values.RETRIES, totalMs: milliseconds(values.RETRY_SECONDS) },
    rule: {
      failures: values.BREAKER_FAILURES,
      share: values.BREAKER_FAILURE_PERCENT / 100,
      atLeast: leastOutcomes,
      windowMs: milliseconds(values.BREAKER_WINDOW_SECONDS),
      restMs: milliseconds(values.BREAKER_REST_SECONDS),
    },
    timeouts: {
      connectMs: milliseconds(values.FALLBACK_CONNECT_TIMEOUT_SECONDS),
      headersMs: milliseconds(values.FALLBACK_HEADER_TIMEOUT_SECONDS),
      firstOutputMs: milliseconds(values.FALLBACK_FIRST_OUTPUT_TIMEOUT_SECONDS),
      idleMs: milliseconds(values.FALLBACK_IDLE_TIMEOUT_SECONDS),
      answerMs: milliseconds(values.FALLBACK_ANSWER_TIMEOUT_SECONDS),
      silenceMs: milliseconds(values.FALLBACK_SILENCE_TIMEOUT_SECONDS),
      turnMs: milliseconds(values.TURN_TIMEOUT_SECONDS),
    },
  }
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000)
}
