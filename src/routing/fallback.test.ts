import { describe, expect, it } from 'vitest'
import { Cancellation } from '../turn/cancellation.ts'
import type { Backend, Begun, TurnContext } from '../turn/backend.ts'
import { begin } from '../turn/begun.ts'
import { defaultClaudeOptions } from '../turn/claude-options.ts'
import { type ErrorCode, errorTable, TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import { failureKinds } from '../turn/failure.ts'
import { plainTurn, type Turn } from '../turn/turn.ts'
import { noUsage } from '../turn/usage.ts'
import { providerOf } from '../../test/support/providers.ts'
import type { Switch } from './asking.ts'
import { fallback } from './fallback.ts'

type Step = TurnEvent | Error
type Scripted = Backend & { turns: Turn[]; closed: number }

function scripted(name: string, ...steps: Step[]): Scripted {
  const backend: Scripted = {
    name,
    turns: [],
    closed: 0,
    async *run(turn) {
      backend.turns.push(turn)
      try {
        for (const step of steps) {
          if (step instanceof Error) throw step
          yield step
        }
      } finally {
        backend.closed++
      }
    },
  }
  return backend
}

function answer(provider: string): TurnEvent[] {
  return [
    { type: 'start', id: 'x', provider, model: 'm' },
    { type: 'finish', reason: 'stop', model: 'm', usage: noUsage },
  ]
}

function error(code: ErrorCode, retryAfterMs?: number): TurnError {
  return new TurnError(code, `This is ${code}.`, {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

const remark: TurnEvent = { type: 'notice', notice: { type: 'remark', text: 'hello' } }
const turn: Turn = {
  ...plainTurn,
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
  source: { dialect: 'openai-chat', body: {} },
}

async function ask(
  backends: Backend[],
  asked: Partial<Turn> = {},
  cancellation = new Cancellation(),
): Promise<{ events: TurnEvent[]; thrown: unknown; switches: Switch[]; attempts: string[] }> {
  const switches: Switch[] = []
  const backend = fallback(
    backends.map((backend) => providerOf(backend)),
    {
      onSwitch: (change) => switches.push(change),
    },
  )
  const context: TurnContext = { cancellation, requestId: 'r', owner: 'o', stream: true }
  const events: TurnEvent[] = []
  const attempts: string[] = []
  try {
    for await (const event of backend.run({ ...turn, ...asked }, context)) {
      if (event.type === 'notice' && event.notice.type === 'attempt') {
        attempts.push(`${event.notice.provider}=${event.notice.outcome}`)
      } else events.push(event)
    }
  } catch (thrown) {
    return { events, thrown, switches, attempts }
  }
  return { events, thrown: undefined, switches, attempts }
}

const codes = Object.keys(errorTable) as ErrorCode[]

describe('fallback', () => {
  it('asks only the first backend when it answers', async () => {
    const second = scripted('b', ...answer('b'))
    const { events, switches } = await ask([
      scripted('claude', remark, ...answer('claude')),
      second,
    ])
    expect(events).toEqual([remark, ...answer('claude')])
    expect(second.turns).toEqual([])
    expect(switches).toEqual([])
  })

  it('goes through the backends in order and tells each switch', async () => {
    const { events, switches } = await ask([
      scripted('claude', error('overloaded')),
      scripted('b', error('rate_limit_exceeded')),
      scripted('c', ...answer('c')),
      scripted('d', ...answer('d')),
    ])
    expect(events).toEqual(answer('c'))
    expect(switches).toEqual([
      { from: 'claude', to: 'b', code: 'overloaded', requestId: 'r' },
      { from: 'b', to: 'c', code: 'rate_limit_exceeded', requestId: 'r' },
    ])
  })

  it.each(codes)(
    'moves on after %s before the start exactly if the table says so',
    async (code) => {
      const { events, thrown } = await ask([
        scripted('claude', error(code)),
        scripted('b', ...answer('b')),
      ])
      const { movesOn } = failureKinds[errorTable[code].kind]
      if (movesOn === 'yes') expect(events).toEqual(answer('b'))
      else expect(thrown).toMatchObject({ code, message: `This is ${code}.` })
    },
  )

  it.each(codes)('never moves on after %s after the start', async (code) => {
    const [start] = answer('claude')
    const second = scripted('b', ...answer('b'))
    if (!start) throw new Error('no start')
    const { events, thrown } = await ask([scripted('claude', start, error(code)), second])
    expect(events).toEqual([start])
    expect(thrown).toMatchObject({ code })
    expect(second.turns).toEqual([])
  })

  it('forgets the notices of a backend that failed', async () => {
    const { events } = await ask([
      scripted('claude', remark, error('claude_crashed')),
      scripted('b', ...answer('b')),
    ])
    expect(events).toEqual(answer('b'))
  })

  it('moves on from a fault that is not a TurnError, and from an end without an answer', async () => {
    const { events } = await ask([
      scripted('claude', new Error('bug')),
      scripted('b', remark),
      scripted('c', ...answer('c')),
    ])
    expect(events).toEqual(answer('c'))
  })

  it('throws the first failure, with the kinds of the others, when all fail', async () => {
    const { thrown } = await ask([
      scripted('claude', error('usage_limit_reached', 7000)),
      scripted('b', error('upstream_error')),
      scripted('c', error('rate_limit_exceeded', 1)),
    ])
    expect(thrown).toMatchObject({
      code: 'usage_limit_reached',
      retryAfterMs: 7000,
      message:
        'This is usage_limit_reached. 2 fallbacks failed as well (b: upstream_error, c: rate_limit_exceeded).',
    })
  })

  it('throws the failure itself when there is nobody else', async () => {
    const alone = error('overloaded')
    expect((await ask([scripted('claude', alone)])).thrown).toBe(alone)
  })

  it('stops at a later backend that finds the request itself wrong', async () => {
    const third = scripted('c', ...answer('c'))
    const { thrown } = await ask([
      scripted('claude', error('overloaded')),
      scripted('b', error('invalid_request')),
      third,
    ])
    expect(thrown).toMatchObject({ code: 'invalid_request' })
    expect(third.turns).toEqual([])
  })

  it('moves on from a later backend that does not know the model', async () => {
    const { events, attempts } = await ask([
      scripted('claude', error('overloaded')),
      scripted('b', error('model_not_found')),
      scripted('c', ...answer('c')),
    ])
    expect(events).toEqual(answer('c'))
    expect(attempts).toEqual(['claude=overloaded', 'b=model_not_found', 'c=answered'])
  })

  it('does not move on when the caller has left', async () => {
    const second = scripted('b', ...answer('b'))
    const caller = new Cancellation()
    caller.abort()
    const { thrown } = await ask([scripted('claude', error('upstream_error')), second], {}, caller)
    expect(thrown).toMatchObject({ code: 'upstream_error' })
    expect(second.turns).toEqual([])
  })

  it('refuses for the others what only Claude Code can do, and goes on to another Claude Code', async () => {
    const asked = { claude: { ...defaultClaudeOptions, tools: ['Read'], sessionId: 's' } }
    const other = scripted('b', ...answer('b'))
    const refused = await ask([scripted('claude', error('overloaded', 5)), other], asked)
    expect(refused.thrown).toMatchObject({
      code: 'overloaded',
      retryAfterMs: 5,
      message:
        'This is overloaded. This request needs Claude Code itself (claude_options: tools, session_id), so other APIs were not asked; with claude_options.allow_degraded they answer without.',
    })
    expect(other.turns).toEqual([])
    const second = scripted('claude-2', ...answer('claude-2'))
    const answered = await ask([scripted('claude', error('overloaded')), other, second], asked)
    expect(answered.events).toEqual(answer('claude-2'))
    expect(answered.switches).toEqual([
      { from: 'claude', to: 'claude-2', code: 'overloaded', requestId: 'r' },
    ])
    expect(second.turns[0]?.claude.tools).toEqual(['Read'])
    const nobody = await ask([other], asked)
    expect(nobody.thrown).toMatchObject({ code: 'unsupported_parameter', param: 'claude_options' })
  })

  it('discloses dropped options only when a fallback answers', async () => {
    const asked = { claude: { ...defaultClaudeOptions, debug: true } }
    const dropped: TurnEvent = { type: 'notice', notice: { type: 'dropped-option', name: 'debug' } }
    const other = scripted('b', remark, ...answer('b'))
    const { events } = await ask([scripted('claude', error('overloaded')), other], asked)
    expect(events).toEqual([dropped, remark, ...answer('b')])
    expect(other.turns[0]?.claude.debug).toBe(false)
    expect((await ask([scripted('claude', ...answer('claude')), other], asked)).events).toEqual(
      answer('claude'),
    )
  })

  it('closes the backend that answers when its reader leaves', async () => {
    const first = scripted('claude', ...answer('claude'))
    const backend = fallback([providerOf(first)])
    const context = {
      cancellation: new Cancellation(),
      requestId: 'r',
      owner: 'o',
      stream: true,
    }
    for await (const event of backend.run(turn, context)) if (event.type === 'start') break
    expect(first.closed).toBe(1)
  })
})

/** An API: its answer comes whole, or fails. */
function whole(name: string, answered: TurnEvent[] | Error): Backend {
  return {
    ...scripted(name, new Error('It is not read event by event.')),
    begin: async () => {
      if (answered instanceof Error) throw answered
      return { events: answered }
    },
  }
}
function attempted(provider: string, outcome: string): TurnEvent {
  return {
    type: 'notice',
    notice: { type: 'attempt', provider, outcome },
  }
}

describe('a caller that reads no stream', () => {
  const context: TurnContext = {
    cancellation: new Cancellation(),
    requestId: 'r',
    owner: 'o',
    stream: false,
  }
  const asks = async (...backends: Backend[]): Promise<Begun> =>
    begin(fallback(backends.map((backend) => providerOf(backend))), turn, context)
  it('gets a whole answer at once, and nothing follows it', async () => {
    expect(await asks(whole('a', [remark, ...answer('a')]))).toEqual({
      events: [remark, ...answer('a')],
    })
  })

  it('gets the answer of the next one when the first fails, and is told', async () => {
    const { events, rest } = await asks(whole('a', error('overloaded')), whole('b', answer('b')))
    expect(events).toEqual([
      attempted('a', 'overloaded'),
      attempted('b', 'answered'),
      ...answer('b'),
    ])
    expect(rest).toBeUndefined()
  })

  it('is told of the attempts when nobody answers', async () => {
    const { events, failure } = await asks(
      whole('a', error('overloaded')),
      whole('b', error('upstream_error')),
    )
    expect(events).toEqual([attempted('a', 'overloaded'), attempted('b', 'upstream_error')])
    expect(failure).toMatchObject({ code: 'overloaded' })
  })

  it('takes an answer without a beginning for none', async () => {
    const { events } = await asks(whole('a', [remark]), whole('b', answer('b')))
    expect(events).toEqual([
      attempted('a', 'server_error'),
      attempted('b', 'answered'),
      ...answer('b'),
    ])
  })

  it('gets what follows from whoever speaks event by event, until it leaves', async () => {
    const claude = scripted('claude', ...answer('claude'))
    const { events, rest } = await asks(claude)
    expect(events).toEqual(answer('claude').slice(0, 1))
    await rest?.return?.()
    expect(claude.closed).toBe(1)
  })

  it('has what breaks off later count against the provider', async () => {
    const [start] = answer('claude')
    const claude = scripted('claude', ...(start ? [start] : []), error('upstream_error'))
    const provider = providerOf(claude, { rule: { failures: 1 } })
    const { rest } = await begin(fallback([provider]), turn, context)
    expect(provider.breaker.report().state).toBe('closed')
    await expect(rest?.next()).rejects.toMatchObject({ code: 'upstream_error' })
    expect(provider.breaker.report().state).toBe('open')
  })
})
