import { defaultClaudeOptions } from '../../src/turn/claude-options.ts'
import type { Turn } from '../../src/turn/turn.ts'

/** The plainest turn, with changes; its messages are sent by hand in these tests. */
export function turnOf(changes: Partial<Turn> = {}): Turn {
  return {
    instructions: [],
    messages: [],
    limits: { stopSequences: [] },
    claude: defaultClaudeOptions,
    source: { dialect: 'test', body: {} },
    ...changes,
  }
}
