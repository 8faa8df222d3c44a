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
