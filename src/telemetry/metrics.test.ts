import { describe, expect, it } from 'vitest'
import { noUsage } from '../turn/usage.ts'
import { createMetrics, gaugeTable } from './metrics.ts'

const request = {
  id: 'r',
  method: 'POST',
  route: '/v1/chat/completions',
  status: 200,
  durationMs: 30,
}

describe('createMetrics', () => {
  it('counts requests, first tokens and tokens by closed sets of labels', async () => {
    const metrics = createMetrics()
    metrics.telemetry.requestFinished({
      ...request,
      provider: 'claude-code',
      model: 'never-a-label',
      firstTokenMs: 20,
      usage: { ...noUsage, inputTokens: 3, cacheReadTokens: 4, outputTokens: 5 },
    })
    const shown = await metrics.text(undefined)
    expect(shown).toContain(
      'http_server_request_duration_seconds_count{http_request_method="POST",http_route="/v1/chat/completions",http_response_status_code="200"} 1',
    )
    expect(shown).toContain(
      'gen_ai_server_time_to_first_token_seconds_sum{gen_ai_provider_name="claude-code"} 0.02',
    )
    expect(shown).toContain(
      'gen_ai_tokens_total{gen_ai_provider_name="claude-code",gen_ai_token_type="input"} 7',
    )
    expect(shown).not.toContain('never-a-label')
  })

  it('makes no label of a path that no route has', async () => {
    const metrics = createMetrics()
    metrics.telemetry.requestFinished({
      ...request,
      route: '/secret',
      unrouted: true,
      status: 404,
      errorCode: 'unknown_url',
    })
    metrics.telemetry.requestFinished({
      ...request,
      route: '/secret-without-key',
      unrouted: true,
      status: 401,
      errorCode: 'invalid_api_key',
    })
    const shown = await metrics.text(undefined)
    expect(shown).not.toContain('/secret')
    expect(shown).toContain('claude_code_api_errors_total{error_type="unknown_url"} 1')
  })

  it('shows each provider in its present state only', async () => {
    const metrics = createMetrics()
    await metrics.text(undefined, [{ name: 'backup', state: 'open' }])
    const shown = await metrics.text(undefined, [{ name: 'backup', state: 'closed' }])
    expect(shown).toContain('claude_code_api_provider_state{provider="backup",state="closed"} 1')
    expect(shown).not.toContain('state="open"')
  })

  it('shows every gauge as it is when it is asked', async () => {
    const metrics = createMetrics()
    const values = Object.fromEntries(
      Object.keys(gaugeTable).map((name, index) => [name, index + 1]),
    )
    const shown = await metrics.text(values as Parameters<typeof metrics.text>[0])
    for (const [name, value] of Object.entries(values))
      expect(shown).toContain(`claude_code_api_${name} ${value}`)
  })
})
