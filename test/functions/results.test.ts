import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conversation, says } from '../scripted-anthropic/server.ts'
import { pdf, png } from '../attachments/pictures.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Chat, cityTool, question, requestsDuring, weather } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

type Messages = Chat['messages']

function ask(messages: Messages) {
  return server.client.chat.completions.create({
    model: 'sonnet',
    messages,
    tools: [weather, cityTool('get_time')],
  })
}

/** What the model is sent of a conversation. */
async function received(...messages: Messages) {
  server.anthropic.enqueue(says('Fine.'))
  const { requests } = await requestsDuring(server, () => ask(messages))
  return conversation(requests[0] ?? expect.fail('The model was not asked.'))
}

function calls(...ids: string[]): Messages[number] {
  return {
    role: 'assistant',
    content: null,
    tool_calls: ids.map((id) => ({
      id,
      type: 'function',
      function: { name: 'get_weather', arguments: '{"city": "Rome"}' },
    })),
  }
}

function result(tool_call_id: string, content: string | object[] = `of ${tool_call_id}`) {
  return { role: 'tool', tool_call_id, content } as Messages[number]
}

function use(id: string) {
  return { type: 'tool_use', id, name: 'get_weather', input: { city: 'Rome' } }
}

function text(value: string) {
  return { type: 'text', text: value }
}

function resultBlock(id: string, ...content: object[]) {
  return { type: 'tool_result', tool_use_id: id, content }
}

const pixel = png(3, 2)
const pixelUrl = `data:image/png;base64,${pixel.toString('base64')}`
const pixelBlock = {
  type: 'image',
  source: { type: 'base64', media_type: 'image/png', data: pixel.toString('base64') },
}

describe('results', () => {
  it('reach the model as one message, whatever their order', async () => {
    const sent = [question, calls('call_1', 'call_2', 'call_3')]
    const found = await received(...sent, result('call_3'), result('call_1'), result('call_2'))
    expect(found).toEqual([
      { role: 'user', content: [text(question.content)] },
      { role: 'assistant', content: [use('call_1'), use('call_2'), use('call_3')] },
      {
        role: 'user',
        content: ['call_3', 'call_1', 'call_2'].map((id) => resultBlock(id, text(`of ${id}`))),
      },
    ])
  })

  it('may be followed by words of the user', async () => {
    const found = await received(question, calls('call_1'), result('call_1'), {
      role: 'user',
      content: 'And now?',
    })
    expect(found.at(-1)?.content).toEqual([
      resultBlock('call_1', text('of call_1')),
      text('And now?'),
    ])
  })

  it('keep the text that came before the calls, and are kept with an earlier round', async () => {
    const said = { ...calls('call_1'), content: 'Let me look.' } as Messages[number]
    const found = await received(
      question,
      said,
      result('call_1'),
      calls('call_2'),
      result('call_2', ''),
    )
    expect(found.slice(1)).toEqual([
      { role: 'assistant', content: [text('Let me look.'), use('call_1')] },
      { role: 'user', content: [resultBlock('call_1', text('of call_1'))] },
      { role: 'assistant', content: [use('call_2')] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_2' }] },
    ])
  })

  it('may be parts, pictures and documents among them', async () => {
    const content = [
      text('one'),
      { type: 'image_url', image_url: { url: pixelUrl } },
      { type: 'file', file: { filename: 'a.pdf', file_data: dataUrl('application/pdf', pdf) } },
      text('two'),
    ]
    const found = await received(question, calls('call_1'), result('call_1', content))
    expect(found.at(-1)?.content).toEqual([
      resultBlock('call_1', text('one'), pixelBlock, pdfBlock('a.pdf'), text('two')),
    ])
  })

  it('may have ids that only other vendors would give', async () => {
    const id = 'call:1/ü'
    const found = await received(question, calls(id), result(id))
    const [block] = found[1]?.content ?? []
    expect(block?.['id']).toMatch(/^[a-zA-Z0-9_-]+$/)
    expect(found[2]?.content).toEqual([resultBlock(String(block?.['id']), text(`of ${id}`))])
  })

  it.each<[string, Messages, RegExp, string]>([
    [
      'are missing at the end',
      [question, calls('call_1', 'call_2', 'call_3'), result('call_2')],
      /no result: call_1, call_3\./,
      'messages[1].tool_calls',
    ],
    [
      'are missing in the middle',
      [question, calls('call_1'), { role: 'user', content: 'Well?' }],
      /no result: call_1\./,
      'messages[1].tool_calls',
    ],
    [
      'are of an unknown call',
      [question, calls('call_1'), result('call_1'), result('call_9')],
      /"call_9"/,
      'messages[3].tool_call_id',
    ],
    [
      'come twice',
      [question, calls('call_1', 'call_2'), result('call_1'), result('call_1')],
      /"call_1".*Waiting for a result are: call_2/,
      'messages[3].tool_call_id',
    ],
    ['come without a call', [question, result('call_1')], /"call_1"/, 'messages[1].tool_call_id'],
    [
      'are of an earlier round',
      [question, calls('call_1'), result('call_1'), calls('call_2'), result('call_1')],
      /"call_1".*call_2/,
      'messages[4].tool_call_id',
    ],
  ])('are refused by name when they %s', async (_, messages, message, param) => {
    await expect(ask(messages)).rejects.toMatchObject({
      status: 400,
      param,
      message: expect.stringMatching(message),
    })
  })

  it('are refused when a call before them is not JSON', async () => {
    const broken = {
      id: 'call_1',
      type: 'function' as const,
      function: { name: 'get_weather', arguments: '{"city":' },
    }
    const sent: Messages = [question, { role: 'assistant', tool_calls: [broken] }, result('call_1')]
    await expect(ask(sent)).rejects.toMatchObject({
      status: 400,
      param: 'messages[1].tool_calls[0].function.arguments',
    })
  })
})

describe('files and pictures', () => {
  it('reach the model from earlier messages too', async () => {
    const found = await received(
      { role: 'user', content: [{ type: 'image_url', image_url: { url: pixelUrl } }] },
      { role: 'assistant', content: 'Two by three.' },
      question,
    )
    expect(found[0]?.content[0]).toEqual(pixelBlock)
  })

  it.each([
    ['a PDF', 'a.pdf', dataUrl('application/pdf', pdf), pdfBlock('a.pdf')],
    ['a PDF that calls itself a text', 'a.txt', dataUrl('text/plain', pdf), pdfBlock('a.txt')],
    ['a picture', 'a.bin', dataUrl('application/octet-stream', pixel), pixelBlock],
    [
      'a text',
      'a.md',
      dataUrl('text/markdown', Buffer.from('# ü\n')),
      {
        type: 'document',
        title: 'a.md',
        source: { type: 'text', media_type: 'text/plain', data: '# ü\n' },
      },
    ],
  ])('reach the model as %s, by their content', async (_, filename, file_data, block) => {
    const found = await received({
      role: 'user',
      content: [text('Read: '), { type: 'file', file: { filename, file_data } }] as never,
    })
    expect(found[0]?.content.slice(0, 2)).toEqual([text('Read: '), block])
  })

  it.each([
    [
      'another kind',
      { file_data: dataUrl('application/zip', Buffer.from('PK\x03\x04\x14\0\0\0\x08\0')) },
    ],
    ['no data: URL', { file_data: 'cGRm' }],
    ['no content', { file_data: 'data:text/plain;base64,' }],
    ['an id', { file_id: 'file-1' }],
    ['nothing', {}],
  ])('are refused when they are %s', async (_, file) => {
    const failure = ask([{ role: 'user', content: [{ type: 'file', file }] }])
    await expect(failure).rejects.toMatchObject({
      status: 400,
      param: expect.stringMatching(/^messages\[0\]\.content\[0\]\.file\.file_(data|id)$/),
    })
  })

  it('are refused in a result when they are no pictures', async () => {
    const content = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aGVsbG8=' } }]
    await expect(ask([question, calls('call_1'), result('call_1', content)])).rejects.toMatchObject(
      {
        status: 400,
        param: 'messages[2].content[0].image_url.url',
      },
    )
  })

  it('cannot be sounds', async () => {
    const sound = {
      type: 'input_audio' as const,
      input_audio: { data: 'aGk=', format: 'wav' as const },
    }
    await expect(ask([{ role: 'user', content: [sound] }])).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: 'messages[0].content[0].type',
    })
  })
})

function dataUrl(type: string, bytes: Buffer): string {
  return `data:${type};base64,${bytes.toString('base64')}`
}

function pdfBlock(title: string) {
  const source = { type: 'base64', media_type: 'application/pdf', data: pdf.toString('base64') }
  return { type: 'document', title, source }
}
