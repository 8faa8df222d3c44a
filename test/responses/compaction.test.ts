import { describe, expect, it } from 'vitest'
import { oneServer } from '../http/one-server.ts'
import { says } from '../http/server.ts'
import { hasOpenAIDocument, OpenAIDocument } from '../support/openai-document.ts'

const { start } = oneServer()

const input = [
  { role: 'user' as const, content: 'The code word is Rome.' },
  { role: 'assistant' as const, content: 'Noted.' },
]

describe('compact', () => {
  it('makes an item that stands for the conversation', async () => {
    const server = await start((_turn, _context, run) =>
      says(run === 0 ? 'Code word: Rome.' : 'Rome.'),
    )
    const { client, backend } = server
    const compacted = await client.responses.compact({ model: 'gpt-5', input })
    expect(compacted).toMatchObject({
      object: 'response.compaction',
      output: [{ type: 'compaction', encrypted_content: expect.any(String) }],
      usage: { output_tokens: 7 },
    })
    if (hasOpenAIDocument) {
      expect(new OpenAIDocument().problems('CompactResource', compacted)).toEqual([])
    }
    expect(backend.runs[0]?.turn.messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
    ])
    const answer = await client.responses.create({
      model: 'sonnet',
      store: false,
      input: [...(compacted.output as never[]), { role: 'user', content: 'The word?' }],
    })
    expect(answer.output_text).toBe('Rome.')
    expect(backend.runs[1]?.turn.messages).toMatchObject([
      { role: 'user', content: [{ text: expect.stringContaining('Code word: Rome.') }] },
      { role: 'user', content: [{ text: 'The word?' }] },
    ])
  })

  it('needs a model, and content of its own', async () => {
    const server = await start(() => says('Never.'))
    const { client } = server
    const unnamed = client.responses.compact({ input } as never)
    await expect(unnamed).rejects.toMatchObject({ status: 400, param: 'model' })
    const foreign = client.responses.create({
      input: [
        { type: 'compaction', encrypted_content: 'x' },
        { role: 'user', content: 'Q' },
      ],
    })
    await expect(foreign).rejects.toMatchObject({
      status: 400,
      param: 'input[0].encrypted_content',
    })
  })
})
