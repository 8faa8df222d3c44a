import { expect, it } from 'vitest'
import { laterMetrics } from './later-metrics.ts'

it('counts what happened before it was loaded, and after', async () => {
  const metrics = laterMetrics()
  const finished = { id: 'req_1', method: 'GET', route: '/health', status: 200, durationMs: 1 }
  metrics.telemetry.requestFinished(finished)
  const [loaded, again] = await Promise.all([metrics.load(), metrics.load()])
  expect(again).toBe(loaded)
  metrics.telemetry.requestFinished(finished)
  expect(await loaded.text(undefined)).toMatch(
    /http_server_request_duration_seconds_count\{.*http_route="\/health".*\} 2\n/,
  )
})
