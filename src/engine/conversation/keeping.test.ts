import { describe, expect, it } from 'vitest'
import { keepsSession, type SessionKeeping } from './keeping.ts'

type Asked = Parameters<typeof keepsSession>[0]

const plain: Asked = { continue: false }
const goesOn: Asked = { continue: false, sessionId: 'a' }

describe('keepsSession', () => {
  it.each<[SessionKeeping, Asked, boolean]>([
    ['always', plain, true],
    ['always', { ...plain, keepSession: false }, false],
    ['always', goesOn, true],
    ['asked', plain, false],
    ['asked', { ...plain, keepSession: true }, true],
    ['asked', { continue: true }, true],
    ['never', plain, false],
    ['never', { ...plain, keepSession: false }, false],
  ])('with SESSIONS=%s and %j is %s', (keeping, asked, isKept) => {
    expect(keepsSession(asked, keeping)).toBe(isKept)
  })

  it.each<[SessionKeeping, Asked, string]>([
    ['never', goesOn, 'claude_options.session_id'],
    ['never', { continue: true }, 'claude_options.continue'],
    ['never', { ...plain, keepSession: true }, 'claude_options.keep_session'],
    ['always', { ...goesOn, keepSession: false }, 'claude_options.keep_session'],
  ])('with SESSIONS=%s and %j is a mistake', (keeping, asked, param) => {
    expect(() => keepsSession(asked, keeping)).toThrow(
      expect.objectContaining({ code: 'invalid_value', param }),
    )
  })
})
