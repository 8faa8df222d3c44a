import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Cancellation } from '../turn/cancellation.ts'
import { lenientRule } from '../../test/support/providers.ts'
import { TurnError } from '../turn/error.ts'
import { Breaker } from './breaker/breaker.ts'
import { type Passer, passOn, type PassedRequest } from './passing.ts'

async function* body(): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield Buffer.from('{}')
}

function request(more: Partial<PassedRequest> = {}): PassedRequest {
  const cancellation = new Cancellation()
  return { path: '/embeddings', headers: {}, body: body(), cancellation, requestId: 'r', ...more }
}

function passer(name: string, more: Partial<Passer> = {}): Passer & { stream: PassThrough } {
  const stream = new PassThrough()
  return {
    stream,
    backend: { name },
    breaker: new Breaker({ rule: { ...lenientRule, failures: 1 }, now: () => 0 }),
    weight: 1,
    pass: () =>
      Promise.resolve({ type: 'answer', answer: { status: 200, headers: {}, body: stream } }),
    ...more,
  }
}

describe('passOn', () => {
  it('asks only those by whom the key may be answered', async () => {
    const passers = [passer('a'), passer('b')]
    const { outcome } = await passOn(passers, request({ allowed: { providers: ['b'] } }), {})
    expect(outcome).toMatchObject({ provider: 'b' })
    const none = await passOn(passers, request({ allowed: { providers: ['c'] } }), {})
    expect(none.outcome).toMatchObject({ code: 'forbidden' })
  })

  it('counts an answer that breaks off against the provider', async () => {
    const one = passer('a')
    const { outcome } = await passOn([one], request(), {})
    expect(outcome).toMatchObject({ provider: 'a' })
    expect(one.breaker.report().state).toBe('closed')
    one.stream.destroy(new Error('cut'))
    await new Promise((resolve) => one.stream.once('close', resolve))
    expect(one.breaker.report().state).toBe('open')
  })

  it('does not, when it was the caller who left', async () => {
    const one = passer('a')
    const caller = new Cancellation()
    await passOn([one], request({ cancellation: caller }), {})
    caller.abort(new Error('left'))
    one.stream.destroy(new Error('aborted'))
    await new Promise((resolve) => one.stream.once('close', resolve))
    expect(one.breaker.report().state).toBe('closed')
  })

  it('asks nobody else once the caller has left', async () => {
    const cancelled = new TurnError('request_cancelled', 'gone')
    const asked: string[] = []
    const leaving = passer('a', { pass: () => Promise.reject(cancelled) })
    const other = passer('b', {
      pass: () => {
        asked.push('b')
        return Promise.reject(cancelled)
      },
    })
    const { outcome } = await passOn([leaving, other], request(), {})
    expect(outcome).toBe(cancelled)
    expect(asked).toEqual([])
  })

  it('tells of each switch', async () => {
    const failing = passer('a', {
      pass: () =>
        Promise.resolve({ type: 'failure', error: new TurnError('upstream_error', 'down') }),
    })
    const switches: unknown[] = []
    const { told } = await passOn([failing, passer('b')], request(), {
      onSwitch: (change) => switches.push(change),
    })
    expect(switches).toEqual([{ from: 'a', to: 'b', code: 'upstream_error', requestId: 'r' }])
    expect(told.map((event) => event.type === 'notice' && event.notice)).toMatchObject([
      { provider: 'a', outcome: 'upstream_error' },
      { provider: 'b', outcome: 'answered' },
    ])
  })
})
