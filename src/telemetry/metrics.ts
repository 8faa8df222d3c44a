import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Telemetry } from './events.ts'
import { silentTelemetry } from './silent.ts'

/** Numbers that are asked for when they are read, by their names without prefix. */
export type Gauges = Readonly<Record<GaugeName, number>>

/** What each gauge tells; docs/metrics.md has a row for each. */
export const gaugeTable = {
  turns_running: 'Turns that run now.',
  turns_limit: 'How many may run at once (MAX_TURNS).',
  turns_queued: 'Turns that wait for a place.',
  processes_waiting: 'Claude Code processes that wait, started ahead.',
  processes_kept: 'Processes that hold a conversation which nobody asks at the moment.',
  conversations_begun_in_used_processes:
    'Conversations that began in the process of an older one, since the start.',
} as const

export type GaugeName = keyof typeof gaugeTable

/** The events that become metrics, and the text that Prometheus scrapes. Labels are of closed sets: nothing of a caller. */
export interface Metrics {
  telemetry: Telemetry
  contentType: string
  readonly text: (
    gauges: Gauges | undefined,
    providers?: readonly ProviderState[],
  ) => Promise<string>
}

/** A provider and what its breaker does. */
export type ProviderState = { name: string; state: string }

const seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

/** Metrics on a registry of their own. HTTP and GenAI names are OpenTelemetry's, in Prometheus's spelling. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const duration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    buckets: seconds,
    registers,
  })
  const firstToken = new Histogram({
    name: 'gen_ai_server_time_to_first_token_seconds',
    help: 'From the arrival of a request to the first output.',
    labelNames: ['gen_ai_provider_name'],
    buckets: seconds,
    registers,
  })
  const tokens = new Counter({
    name: 'gen_ai_tokens_total',
    help: 'Tokens of finished requests.',
    labelNames: ['gen_ai_provider_name', 'gen_ai_token_type'],
    registers,
  })
  const errors = new Counter({
    name: 'claude_code_api_errors_total',
    help: 'Requests that ended with an error, by its code.',
    labelNames: ['error_type'],
    registers,
  })
  const switches = new Counter({
    name: 'claude_code_api_provider_switches_total',
    help: 'Turns that another provider took over.',
    labelNames: ['from', 'to', 'error_type'],
    registers,
  })
  const started = new Counter({
    name: 'claude_code_api_processes_started_total',
    help: 'Claude Code processes that were started.',
    registers,
  })
  const webhooks = new Counter({
    name: 'claude_code_api_webhooks_total',
    help: 'Attempts to send a webhook, by what came of them: delivered, failed or given-up.',
    labelNames: ['outcome'],
    registers,
  })
  const providerStates = new Gauge({
    name: 'claude_code_api_provider_state',
    help: 'Whether a provider is in the state: closed, paused, open, half-open or probing.',
    labelNames: ['provider', 'state'],
    registers,
  })
  const gauges = Object.entries(gaugeTable).map(([name, help]) => ({
    name,
    gauge: new Gauge({ name: `claude_code_api_${name}`, help, registers }),
  }))
  return {
    telemetry: {
      ...silentTelemetry,
      requestFinished(event) {
        // A path that no route has is whatever the caller wrote.
        const route = event.unrouted ? 'unknown' : event.route
        const status = String(event.status)
        duration.labels(event.method, route, status).observe(event.durationMs / 1_000)
        if (event.errorCode !== undefined) errors.labels(event.errorCode).inc()
        const { provider, usage } = event
        if (provider === undefined) return
        if (event.firstTokenMs !== undefined)
          firstToken.labels(provider).observe(event.firstTokenMs / 1_000)
        if (!usage) return
        const { inputTokens, cacheReadTokens, cacheCreationTokens, outputTokens } = usage
        tokens.labels(provider, 'input').inc(inputTokens + cacheReadTokens + cacheCreationTokens)
        tokens.labels(provider, 'output').inc(outputTokens)
      },
      providerSwitched: ({ from, to, code }) => switches.labels(from, to, code).inc(),
      webhookTried: ({ outcome }) => webhooks.labels(outcome).inc(),
      processStarted: () => started.inc(),
    },
    contentType: registry.contentType,
    text: (values, providers = []) => {
      for (const { name, gauge } of gauges) gauge.set(values?.[name as GaugeName] ?? 0)
      providerStates.reset()
      for (const { name, state } of providers) providerStates.labels(name, state).set(1)
      return registry.metrics()
    },
  }
}
