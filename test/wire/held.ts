import { expect, it } from 'vitest'
import { type Script, serve } from '../http/server.ts'
import {
  hasOpenAIDocument,
  openAIDocument,
  type OpenAIDocument,
} from '../support/openai-document.ts'

/** Asks a server of its own; the answer, read whole. */
export async function ask(path: string, script: Script, body: object): Promise<Response> {
  await using server = await serve(script)
  const answer = await server.fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return new Response(await answer.arrayBuffer(), answer)
}

/** Tests that there are no problems: by our own rules, and by OpenAI's document where that is at hand. */
export function isHeld(problems: (document?: OpenAIDocument) => Promise<string[]>): void {
  it('obeys the rules, streamed and whole', async () => {
    expect(await problems()).toEqual([])
  })

  it.runIf(hasOpenAIDocument)('obeys the document of OpenAI', async () => {
    expect(await problems(openAIDocument())).toEqual([])
  })
}
