import type { ClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'

/** Which turns leave a session: every one, those that ask for it (`keep_session`), or none. */
export type SessionKeeping = 'always' | 'asked' | 'never'

type Asked = Pick<ClaudeOptions, 'sessionId' | 'continue' | 'keepSession'>

/** Whether a turn's session is kept. Throws `invalid_value` for what the owner does not allow, and for what contradicts itself. */
export function keepsSession(asked: Asked, keeping: SessionKeeping): boolean {
  const { keepSession } = asked
  const goesOn = asked.sessionId !== undefined || asked.continue
  const param = nameOf(asked)
  if (keeping === 'never' && (goesOn || keepSession === true)) {
    throw new TurnError(
      'invalid_value',
      `${param} needs sessions, and this server keeps none (SESSIONS=never). Send the whole conversation in \`messages\`.`,
      { param },
    )
  }
  if (goesOn && keepSession === false) {
    throw new TurnError(
      'invalid_value',
      'claude_options.keep_session is false, but a session that goes on is kept. Leave keep_session out, or DELETE the session afterwards.',
      { param: 'claude_options.keep_session' },
    )
  }
  if (keeping === 'never') return false
  return goesOn || (keepSession ?? keeping === 'always')
}

function nameOf({ sessionId, continue: goesOn }: Asked): string {
  if (sessionId !== undefined) return 'claude_options.session_id'
  return goesOn ? 'claude_options.continue' : 'claude_options.keep_session'
}
