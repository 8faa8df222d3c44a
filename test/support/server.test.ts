import { expect, it } from 'vitest'
import { conversation, says } from '../scripted-anthropic/server.ts'
import { startTestServer } from './server.ts'

it('startTestServer answers the official client through the real binary, and leaves no process', async () => {
  const server = await startTestServer()
  try {
    server.anthropic.enqueue(says('Good morning.'))
    const answer = await server.client.chat.completions.create({
      model: 'claude-code',
      messages: [{ role: 'user', content: 'Say good morning' }],
    })
    expect(answer.choices[0]?.message.content).toBe('Good morning.')
    expect(server.anthropic.requests.map(conversation)).toEqual([
      [{ role: 'user', content: [{ type: 'text', text: 'Say good morning' }] }],
    ])
  } finally {
    await server.close()
  }
  expect(await server.processes()).toEqual([])
  await expect(fetch(server.url)).rejects.toThrow('fetch failed')
})
