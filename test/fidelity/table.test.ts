import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conversation, says, systemText } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

// The rows of docs/messages.md that neither the property nor the tests of calls, results and files reach.

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

type Messages = ChatCompletionMessageParam[]

/** What the model gets of a conversation, and what the caller is told about it. */
async function received(messages: Messages, more: object = {}) {
  const before = server.anthropic.requests.length
  server.anthropic.enqueue(says('ok'))
  const { response } = await server.client.chat.completions
    .create({ model: 'sonnet', messages, ...more })
    .withResponse()
  const [request, ...others] = server.anthropic.requests.slice(before)
  if (!request || others.length > 0) throw new Error('The model was not asked once.')
  const { headers } = response
  return { headers, system: systemText(request), conversation: conversation(request) }
}

const text = (value: string) => ({ type: 'text' as const, text: value })
const asks: ChatCompletionMessageParam = { role: 'user', content: 'Hi' }
const answers: ChatCompletionMessageParam = { role: 'assistant', content: 'Ho' }
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII='

describe('what a client sends', () => {
  it('as instructions after the first turn moves to the system prompt, and x-notice says so', async () => {
    const late: ChatCompletionMessageParam = { role: 'developer', name: 'rules', content: 'Late.' }
    const found = await received([{ role: 'system', content: 'First.' }, asks, late, answers, asks])
    expect(found.system).toBe('First.\n\nname: rules\n\nLate.')
    expect(found.conversation.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(found.headers.get('x-notice')).toMatch(/^messages\[2\]: instructions/)
  })

  it('as the detail of a picture has no effect, and is named when it asks for something', async () => {
    for (const [detail, named] of [
      ['high', 'image_url.detail'],
      ['auto', null],
    ] as const) {
      const image = { type: 'image_url' as const, image_url: { url: pixel, detail } }
      const found = await received([{ role: 'user', content: [image] }])
      expect(found.conversation[0]?.content).toMatchObject([{ type: 'image' }])
      expect(found.headers.get('x-ignored-parameters')).toBe(named)
    }
  })

  it('as a name and as files stands in this order before the words', async () => {
    const named: Messages = [{ role: 'user', name: 'alice', content: 'Look' }]
    const found = await received(named, { claude_options: { images: [pixel] } })
    expect(found.conversation[0]?.content).toMatchObject([
      text('name: alice'),
      { type: 'image' },
      text('Look'),
    ])
    expect(found.headers.get('x-ignored-parameters')).toBeNull()
  })

  it('as a name alone is the name', async () => {
    const found = await received([{ role: 'user', name: 'alice', content: '' }])
    expect(found.conversation).toEqual([{ role: 'user', content: [text('name: alice')] }])
  })

  it('as a name of an answer has no effect, and is named', async () => {
    const found = await received([asks, { ...answers, name: 'model' }, asks])
    expect(found.conversation[1]?.content).toEqual([text('Ho')])
    expect(found.headers.get('x-ignored-parameters')).toBe('messages[].name')
  })

  it.each<[string, unknown[], string]>([
    ['as instructions alone', [{ role: 'system', content: 'x' }], 'messages[0].role'],
    ['as an empty question', [asks, answers, { role: 'user', content: '' }], 'messages'],
    ['as a blank question', [{ role: 'user', content: ' \n' }], 'messages'],
    ['as no parts', [{ role: 'user', content: [] }], 'messages[0].content'],
    [
      'as a picture in instructions',
      [{ role: 'system', content: [{ type: 'image_url', image_url: { url: pixel } }] }, asks],
      'messages[0].content[0].type',
    ],
    ['as a name with a space', [{ ...asks, name: 'a b' }], 'messages[0].name'],
  ])('%s is refused with its field', async (_, messages, param) => {
    const asked = server.client.chat.completions.create({
      model: 'sonnet',
      messages: messages as Messages,
    })
    await expect(asked).rejects.toMatchObject({ status: 400, param })
  })
})
