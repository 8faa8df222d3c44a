import { describe, expect, it } from 'vitest'
import { after, ask, failure, gate, questionOf } from '../api/server/support.ts'
import { says, type ScriptedAnthropic } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { capacityOf, eventually, watch } from './support.ts'

/** A question whose answer is held until its gate is opened; the answer is the question again. */
function holds(anthropic: ScriptedAnthropic): (question: string) => () => void {
  const gates = new Map<string, ReturnType<typeof gate>>()
  anthropic.respond = (request) => {
    const question = questionOf(request)
    return after(gates.get(question)?.opened ?? Promise.resolve(), says(`Re: ${question}`))
  }
  return (question) => {
    const held = gate()
    gates.set(question, held)
    return held.open
  }
}

async function asks(server: TestServer, question: string, signal?: AbortSignal): Promise<string> {
  const request = { model: 'sonnet', messages: [{ role: 'user' as const, content: question }] }
  const answer = await server.client.chat.completions.create(request, { signal })
  return answer.choices[0]?.message.content ?? ''
}

async function untilCapacity(server: TestServer, running: number, queued: number): Promise<void> {
  await eventually(`${running} run and ${queued} wait`, async () => {
    const capacity = await capacityOf(server)
    return capacity.running === running && capacity.queued === queued
  })
}

const settings = { MAX_TURNS: '2', WAITING_PROCESSES: '2' }

describe('a server with MAX_TURNS turns', { timeout: 60_000 }, () => {
  it('has the next wait, shows it, and answers it when one has ended', async () => {
    await using server = await startTestServer(settings)
    const watched = watch(server)
    const hold = holds(server.anthropic)
    const [first, second] = ['a', 'b'].map(hold)
    const answers = ['a', 'b'].map((question) => asks(server, question))
    await untilCapacity(server, 2, 0)
    const third = asks(server, 'c')
    await untilCapacity(server, 2, 1)
    expect(await capacityOf(server)).toEqual({ running: 2, limit: 2, queued: 1 })
    await watched.untilAsked(2)
    second?.()
    expect(await third).toBe('Re: c')
    expect(watched.asked).toBe(3)
    first?.()
    expect(await Promise.all(answers)).toEqual(['Re: a', 'Re: b'])
    await watched.expectWell(3)
  })

  it('forgets whoever leaves the queue, who never reaches the model', async () => {
    await using server = await startTestServer(settings)
    const watched = watch(server)
    const hold = holds(server.anthropic)
    const open = ['a', 'b'].map(hold)
    const answers = ['a', 'b'].map((question) => asks(server, question))
    await untilCapacity(server, 2, 0)
    const leave = new AbortController()
    const leaving = asks(server, 'c', leave.signal).catch(() => 'left')
    await untilCapacity(server, 2, 1)
    leave.abort()
    await untilCapacity(server, 2, 0)
    expect(await leaving).toBe('left')
    for (const one of open) one()
    expect(await Promise.all(answers)).toEqual(['Re: a', 'Re: b'])
    await watched.expectWell(2)
  })

  it('refuses the next without a queue, and says honestly when to come back', async () => {
    await using server = await startTestServer({ ...settings, MAX_TURNS: '1', QUEUE_PLACES: '0' })
    const watched = watch(server)
    const hold = holds(server.anthropic)
    const open = hold('a')
    const answer = asks(server, 'a')
    await untilCapacity(server, 1, 0)
    const refused = await failure(asks(server, 'b'))
    expect(refused).toMatchObject({ status: 429, code: 'server_busy', type: 'rate_limit_error' })
    expect(refused.message).toMatch(/QUEUE_PLACES/)
    // One turn must end first; before any has, one is taken for five seconds long.
    expect(refused.headers?.get('retry-after')).toBe('5')
    open()
    expect(await answer).toBe('Re: a')
    for (let turn = 0; turn < 12; turn++) await asks(server, `quick ${turn}`)
    const openNext = hold('c')
    const next = asks(server, 'c')
    await untilCapacity(server, 1, 0)
    const later = await failure(asks(server, 'd'))
    expect(Number(later.headers?.get('retry-after'))).toBeLessThan(5)
    openNext()
    await next
    await watched.expectWell(14)
  })

  it('refuses whoever has waited QUEUE_TIMEOUT_SECONDS', async () => {
    await using server = await startTestServer({
      ...settings,
      MAX_TURNS: '1',
      QUEUE_TIMEOUT_SECONDS: '0.5',
    })
    const watched = watch(server)
    const open = holds(server.anthropic)('a')
    const answer = asks(server, 'a')
    await untilCapacity(server, 1, 0)
    const refused = await failure(asks(server, 'b'))
    expect(refused).toMatchObject({ status: 429, code: 'server_busy' })
    expect(refused.message).toMatch(/QUEUE_TIMEOUT_SECONDS/)
    expect(refused.headers?.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect((await capacityOf(server)).queued).toBe(0)
    open()
    expect(await answer).toBe('Re: a')
    await watched.expectWell(1)
  })

  it('holds a place for each choice, and takes no other until both have ended', async () => {
    await using server = await startTestServer(settings)
    const watched = watch(server)
    const open = holds(server.anthropic)('a')
    const both = ask(server.client, { messages: [{ role: 'user', content: 'a' }], n: 2 })
    await untilCapacity(server, 2, 0)
    const third = asks(server, 'c')
    await untilCapacity(server, 2, 1)
    open()
    expect((await both).answer.choices).toHaveLength(2)
    expect(await third).toBe('Re: c')
    await watched.expectWell(3)
  })
})
