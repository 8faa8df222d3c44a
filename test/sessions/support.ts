import { said as saidIn } from '../api/options/support.ts'
import { ask } from '../api/server/support.ts'
import type { ScriptedAnthropic } from '../scripted-anthropic/server.ts'
import type { TestServer } from '../support/server.ts'

/** Asks one thing more in a session. */
export function goOn({ client }: TestServer, session_id: string | undefined, words = 'And now?') {
  return ask(client, {
    messages: [{ role: 'user', content: words }],
    claude_options: { session_id },
  })
}

/** The conversation as the model was sent it last. */
export function said({ requests }: ScriptedAnthropic): string[] {
  const last = requests.at(-1)
  return last === undefined ? [] : saidIn(last)
}

/** A message as `GET /v1/sessions/{id}/messages` shows it. */
export type Kept = { id: string; created_at: number; role: string; [field: string]: unknown }
type Page = { data: Kept[]; first_id: string | null; last_id: string | null; has_more: boolean }

/** A page of a session's messages. */
export async function pageOf(
  { client }: Pick<TestServer, 'client'>,
  id: string | undefined,
  query: object = {},
): Promise<Page> {
  return (await client.get(`/sessions/${id}/messages`, { query })) as Page
}

/** All of them; they fit a page. */
export async function messagesOf(server: TestServer, id: string | undefined): Promise<Kept[]> {
  return (await pageOf(server, id, { limit: 100 })).data
}
