import { expect, it } from 'vitest'
import { createUpstream } from '../../src/upstreams/upstream.ts'
import { serve } from '../http/server.ts'
import { startScriptedOpenAI, textFrames } from '../scripted-openai/server.ts'
import { eventsOf, expectOrder } from './event-order.ts'

const ms = 20_000

it('an API that speaks chat completions answers a response, in events of this dialect', async () => {
  await using api = await startScriptedOpenAI()
  await using upstream = createUpstream(
    {
      name: 'backup',
      url: api.url,
      timeouts: {
        connectMs: ms,
        headersMs: ms,
        firstOutputMs: ms,
        idleMs: ms,
        answerMs: ms,
        silenceMs: ms,
        turnMs: ms,
      },
    },
    { resolveAttachments: () => Promise.resolve([]), now: Date.now },
  )
  await using server = await serve((turn, context) => upstream.run(turn, context))
  api.answer({ type: 'stream', frames: textFrames('Hello') })
  const response = await server.fetch('/v1/responses', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', instructions: 'Be brief.', input: 'Hi', stream: true }),
  })
  const events = eventsOf(await response.text())
  expectOrder(events)
  expect(events.at(-1)).toMatchObject({
    type: 'response.completed',
    response: { output: [{ type: 'message', content: [{ text: 'Hello' }] }] },
  })
  expect(api.received).toHaveLength(1)
})
