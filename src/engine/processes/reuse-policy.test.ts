import { describe, expect, it } from 'vitest'
import { turnOf } from '../../../test/contract/turns.ts'
import { defaultClaudeOptions } from '../../turn/claude-options.ts'
import type { Turn } from '../../turn/turn.ts'
import { ClientTools } from '../tools/client-tools.ts'
import type { Decisions } from '../options.ts'
import {
  isReusable,
  keptBeforeReuse,
  makesReady,
  type ReuseMode,
  takesSpare,
} from './reuse-policy.ts'

const one = { isOneOfMany: false }
const oneOfMany = { isOneOfMany: true }
const idle = { spare: keptBeforeReuse, busy: 0 }
const options = (mode: ReuseMode) => ({ mode, conversations: 9 })

function reusable(turn: Partial<Turn>, decisions: Partial<Decisions> = {}): boolean {
  const whole = turnOf(turn)
  return isReusable(whole, {
    claude: '',
    environment: {},
    folder: '/x',
    modelListed: true,
    isKept: true,
    mcpServers: {},
    permissions: {},
    agentic: false,
    clientTools: new ClientTools(whole),
    ...decisions,
  })
}

describe('isReusable', () => {
  it('is true of a plain chat', () => {
    expect(reusable({ instructions: ['Be brief.'], effort: 'low' })).toBe(true)
  })

  it.each<[string, Partial<Turn>, Partial<Decisions>?]>([
    ['tools of the caller', { tools: [{ kind: 'function', name: 'f', strict: false }] }],
    ['a schema', { output: { type: 'json-object' } }],
    ['project settings', { claude: { ...defaultClaudeOptions, projectSettings: true } }],
    ['agents', { claude: { ...defaultClaudeOptions, agents: {} } }],
    ['a limit on turns', { claude: { ...defaultClaudeOptions, maxTurns: 2 } }],
    ['a budget', { claude: { ...defaultClaudeOptions, maxBudgetUsd: 1 } }],
    ['built-in tools', {}, { agentic: true }],
    ['MCP servers', {}, { mcpServers: { s: { type: 'http', url: 'http://x' } } }],
    ['a debug log', {}, { debugLog: '/log' }],
    ['a resumed session', {}, { resume: 's' }],
    ['a transcript', {}, { composed: 's' }],
    ['a folder whose transcripts are not found', {}, { folder: `/${'x'.repeat(300)}` }],
  ])('is false with %s', (_, turn, decisions) => {
    expect(reusable(turn, decisions)).toBe(false)
  })
})

describe('takesSpare', () => {
  const many = { spare: 1, busy: keptBeforeReuse - 1, waiting: 2 }

  it('takes one when enough conversations of the kind have a process', () => {
    expect(takesSpare(options('always'), one, many)).toBe(true)
    expect(takesSpare(options('always'), one, { ...many, busy: 0 })).toBe(false)
  })

  it('takes one when none waits', () => {
    expect(takesSpare(options('always'), one, { spare: 1, busy: 0, waiting: 0 })).toBe(true)
  })

  it('takes none that is not there', () => {
    expect(takesSpare(options('always'), one, { spare: 0, busy: 9, waiting: 0 })).toBe(false)
  })

  it.each<[ReuseMode, boolean, boolean]>([
    ['never', false, false],
    ['batch', false, true],
    ['always', true, true],
  ])('with %s: %s for a turn, %s for one of many', (mode, plain, flex) => {
    expect(takesSpare(options(mode), one, many)).toBe(plain)
    expect(takesSpare(options(mode), oneOfMany, many)).toBe(flex)
    expect(makesReady(options(mode), one, idle)).toBe(plain)
    expect(makesReady(options(mode), oneOfMany, idle)).toBe(flex)
  })
})

describe('makesReady', () => {
  it('leaves the last conversations their processes', () => {
    expect(makesReady(options('always'), one, { ...idle, spare: keptBeforeReuse - 1 })).toBe(false)
  })

  it('takes none away while others of the kind are answered', () => {
    expect(makesReady(options('always'), one, { ...idle, busy: 1 })).toBe(false)
  })
})
