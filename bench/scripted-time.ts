import { spreadOf } from './measure.ts'

/** How long the scripted server itself takes to its first token, in milliseconds. */
export async function ownTimeMs(url: string): Promise<number> {
  const times: number[] = []
  for (let turn = 0; turn < 30; turn++) times.push(await firstToken(url))
  return spreadOf(times).p50
}

async function firstToken(url: string): Promise<number> {
  const begin = performance.now()
  const response = await fetch(`${url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'm',
      max_tokens: 1,
      stream: true,
      messages: [{ role: 'user', content: 'x' }],
    }),
  })
  let text = ''
  let firstTokenMs = Number.NaN
  if (!response.body) throw new Error('The scripted server gave no answer.')
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece
    if (Number.isNaN(firstTokenMs) && text.includes('text_delta'))
      firstTokenMs = performance.now() - begin
  }
  return firstTokenMs
}
