import { describe, expect, it } from 'vitest'
import { Cancellation } from '../turn/cancellation.ts'
import { providerOf } from '../../test/support/providers.ts'
import type { Backend } from '../turn/backend.ts'
import { defaultClaudeOptions } from '../turn/claude-options.ts'
import { type ErrorCode, TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import { plainTurn, type Turn } from '../turn/turn.ts'
import { noUsage } from '../turn/usage.ts'
import { fallback, type FallbackOptions } from './fallback.ts'
import type { Provider } from './provider.ts'

/** Fails as told, one entry a call; answers when nothing is left. */
function failing(
  name: string,
  ...failures: (ErrorCode | [ErrorCode, number])[]
): Backend & { calls: number } {
  const backend = {
    name,
    calls: 0,
    async *run(): AsyncGenerator<TurnEvent> {
      const failure = failures[backend.calls++]
      if (failure !== undefined) {
        const [code, retryAfterMs] = typeof failure === 'string' ? [failure] : failure
        throw new TurnError(code, code, { ...(retryAfterMs !== undefined && { retryAfterMs }) })
      }
      yield { type: 'start', id: 'x', provider: name, model: 'm' }
      yield { type: 'finish', reason: 'stop', model: 'm', usage: noUsage }
    },
  }
  return backend
}

const turn: Turn = {
  ...plainTurn,
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
  source: { dialect: 'openai-chat', body: {} },
}

async function ask(
  providers: Provider[],
  options: FallbackOptions = {},
  asked: Partial<Turn> = {},
): Promise<{ trail: string; answeredBy?: string; error?: TurnError; pauses: number[] }> {
  const pauses: number[] = []
  const backend = fallback(providers, {
    random: () => 0.5,
    sleep: async (ms) => void pauses.push(ms),
    ...options,
  })
  const context = {
    cancellation: new Cancellation(),
    requestId: 'r',
    owner: 'o',
    stream: true,
  }
  const trail: string[] = []
  let answeredBy: string | undefined
  try {
    for await (const event of backend.run({ ...turn, ...asked }, context)) {
      if (event.type === 'start') answeredBy = event.provider
      if (event.type === 'notice' && event.notice.type === 'attempt') {
        trail.push(`${event.notice.provider}=${event.notice.outcome}`)
      }
    }
  } catch (error) {
    return { trail: trail.join(' '), error: TurnError.from(error), pauses }
  }
  return { trail: trail.join(' '), ...(answeredBy !== undefined && { answeredBy }), pauses }
}

const retries = { retries: 2, totalMs: 20_000 }

/** Whether each call was told that there are others. */
function telling(name: string): Backend & { told: (boolean | undefined)[] } {
  const told: (boolean | undefined)[] = []
  const run: Backend['run'] = (asked, context) => {
    told.push(context.hasOthers)
    return failing(name, 'first_token_timeout').run(asked, context)
  }
  return { name, told, run }
}

describe('whether others could answer', () => {
  it('is told to all but the last', async () => {
    const [a, b] = [telling('a'), telling('b')]
    await ask([providerOf(a), providerOf(b)])
    expect([a.told, b.told]).toEqual([[true], [undefined]])
  })

  it('does not count those that rest', async () => {
    const [a, b] = [telling('a'), telling('b')]
    const providers = [providerOf(a), providerOf(b, { rule: { failures: 1 } })]
    await ask(providers)
    await ask(providers)
    expect([a.told, b.told]).toEqual([[true, undefined], [undefined]])
  })
})

describe('repeating', () => {
  it('asks the same provider again after one failure, with a jittered pause', async () => {
    const { trail, pauses } = await ask([providerOf(failing('a', 'upstream_error'))], { retries })
    expect(trail).toBe('a=upstream_error a=answered')
    expect(pauses).toEqual([250])
  })

  it('waits as long as the provider asked for, and never less', async () => {
    const throttled = failing('a', ['rate_limit_exceeded', 2000])
    let nowMs = 0
    const { answeredBy, pauses } = await ask([providerOf(throttled, { now: () => nowMs })], {
      retries,
      sleep: async (ms) => {
        nowMs += ms
      },
    })
    expect(answeredBy).toBe('a')
    expect(nowMs).toBeGreaterThanOrEqual(2000)
    expect(nowMs).toBeLessThan(2300)
    expect(pauses).toEqual([])
  })

  it('moves on instead of a long wait while somebody else can be asked', async () => {
    const first = failing('a', ['rate_limit_exceeded', 9000])
    const { trail, pauses } = await ask([providerOf(first), providerOf(failing('b'))], { retries })
    expect(trail).toBe('a=rate_limit_exceeded b=answered')
    expect(pauses).toEqual([])
  })

  it('has one budget for all providers, in number', async () => {
    const [a, b] = ['a', 'b'].map((name) =>
      failing(name, 'upstream_error', 'upstream_error', 'upstream_error', 'upstream_error'),
    )
    if (!a || !b) throw new Error('no backends')
    const { error } = await ask([providerOf(a), providerOf(b)], { retries })
    expect(error?.code).toBe('upstream_error')
    expect([a.calls, b.calls]).toEqual([3, 1])
  })

  it('has one budget in time', async () => {
    const a = failing('a', ['overloaded', 15_000], ['overloaded', 15_000], 'overloaded')
    const { error, pauses } = await ask([providerOf(a)], { retries })
    expect(error?.code).toBe('overloaded')
    expect(pauses).toEqual([15_130])
  })

  it.each<ErrorCode>(['first_token_timeout', 'idle_timeout', 'start_timeout'])(
    'leaves a silent provider at once (%s)',
    async (code) => {
      const a = failing('a', code)
      const { trail } = await ask([providerOf(a), providerOf(failing('b'))], { retries })
      expect(trail).toBe(`a=${code} b=answered`)
    },
  )

  it('does not repeat what repeats itself', async () => {
    const claude = failing('claude', 'overloaded')
    await ask([providerOf(claude), providerOf(failing('b'))], { retries })
    expect(claude.calls).toBe(1)
  })

  it('ends when the caller leaves in a pause', async () => {
    const left = new TurnError('request_cancelled', 'left')
    const { error } = await ask([providerOf(failing('a', 'upstream_error'))], {
      retries,
      sleep: () => Promise.reject(left),
    })
    expect(error).toBe(left)
  })
})

describe('what nobody else is asked for', () => {
  it.each<ErrorCode>(['invalid_request', 'content_filter', 'request_too_large'])(
    '%s of any provider goes to the caller',
    async (code) => {
      const other = failing('c')
      const { error } = await ask(
        [
          providerOf(failing('claude', 'overloaded')),
          providerOf(failing('b', code)),
          providerOf(other),
        ],
        { retries },
      )
      expect(error?.code).toBe(code)
      expect(other.calls).toBe(0)
    },
  )
})

const shortClaude = (): Provider =>
  providerOf(failing('claude', 'context_length_exceeded'), { contextTokens: 200 })

describe('a conversation that is too long', () => {
  it('goes only to a provider whose context is configured as larger', async () => {
    const [unknown, smaller, bigger] = [failing('b'), failing('c'), failing('d')]
    const { trail } = await ask([
      shortClaude(),
      providerOf(unknown),
      providerOf(smaller, { contextTokens: 100 }),
      providerOf(bigger, { contextTokens: 1000 }),
    ])
    expect(trail).toBe('claude=context_length_exceeded d=answered')
    expect([unknown.calls, smaller.calls]).toEqual([0, 0])
  })

  it('is the answer when there is none', async () => {
    const { error } = await ask([shortClaude(), providerOf(failing('b'))])
    expect(error?.code).toBe('context_length_exceeded')
  })
})

describe('breakers', () => {
  it('pass over a provider that rests, and say so', async () => {
    const claude = providerOf(failing('claude', 'upstream_error'), { rule: { failures: 1 } })
    const chain = [claude, providerOf(failing('b'))]
    await ask(chain)
    expect(await ask(chain)).toMatchObject({ trail: 'claude=resting', answeredBy: 'b' })
  })

  it('let the first be asked when all rest', async () => {
    const claude = providerOf(failing('claude', 'upstream_error'), { rule: { failures: 1 } })
    const b = providerOf(failing('b', 'upstream_error'), { rule: { failures: 1 } })
    await ask([claude, b])
    const { trail, answeredBy } = await ask([claude, b])
    expect(trail).toBe('claude=resting b=resting')
    expect(answeredBy).toBe('claude')
  })

  it('do not repeat at a provider that the failure opened', async () => {
    const a = failing('a', 'upstream_error', 'upstream_error')
    await ask([providerOf(a, { rule: { failures: 1 } }), providerOf(failing('b'))], { retries })
    expect(a.calls).toBe(1)
  })

  it('count an answer that breaks off', async () => {
    const backend: Backend = {
      name: 'a',
      async *run() {
        yield { type: 'start', id: 'x', provider: 'a', model: 'm' }
        throw new TurnError('upstream_error', 'cut')
      },
    }
    const provider = providerOf(backend, { rule: { failures: 1 } })
    await ask([provider])
    expect(provider.breaker.report().state).toBe('open')
  })

  it('release a probe whose caller left', async () => {
    let nowMs = 0
    const provider = providerOf(failing('a', 'upstream_error'), {
      rule: { failures: 1, restMs: 10 },
      now: () => nowMs,
    })
    await ask([provider])
    nowMs = 11
    const run = fallback([provider]).run(turn, {
      cancellation: new Cancellation(),
      requestId: 'r',
      owner: 'o',
      stream: true,
    })
    // Leaves before the provider said anything.
    const iterator = run[Symbol.asyncIterator]()
    const first = iterator.next()
    expect(provider.breaker.report().state).toBe('probing')
    await first
    await iterator.return?.()
    expect(provider.breaker.report().state).toBe('closed')
  })
})

describe('what a provider can do', () => {
  it('decides whether it is asked', async () => {
    const tools: Turn['tools'] = [{ kind: 'function', name: 'f', strict: false }]
    const weak = providerOf(failing('b'), {
      can: { tools: false, images: true, streaming: true, schema: true },
    })
    const chain = () => [
      providerOf(failing('claude', 'overloaded')),
      weak,
      providerOf(failing('c')),
    ]
    expect(await ask(chain(), {}, { tools })).toMatchObject({ answeredBy: 'c' })
    expect(await ask(chain())).toMatchObject({ answeredBy: 'b' })
    const { error } = await ask(chain().slice(0, 2), {}, { tools })
    expect(error?.message).toContain('b: tools')
  })
})

describe('allow_degraded', () => {
  it('lets others answer what needs Claude Code', async () => {
    const claude = { ...defaultClaudeOptions, tools: ['Read'], allowDegraded: true }
    const chain = [providerOf(failing('claude', 'overloaded')), providerOf(failing('b'))]
    expect(await ask(chain, {}, { claude })).toMatchObject({ answeredBy: 'b' })
  })
})
