import { describe, expect, it } from 'vitest'
import type { Tool } from '../../turn/tool.ts'
import { refuseSameNames } from './same-names.ts'

const tools: Tool[] = ['f', 'Read', 'StructuredOutput'].map((name) => ({ kind: 'custom', name }))
const text = { type: 'text' } as const

describe('refuseSameNames', () => {
  it('refuses the name of a built-in tool that is on, and says which', () => {
    const refused = expect.objectContaining({ code: 'invalid_value', param: 'tools[1]' })
    expect(() => refuseSameNames({ tools, output: text }, ['Bash', 'Read'])).toThrow(refused)
  })

  it('refuses the name of the tool that gives a structured answer, where one is asked for', () => {
    const refused = expect.objectContaining({ code: 'invalid_value', param: 'tools[2]' })
    expect(() => refuseSameNames({ tools, output: { type: 'json-object' } }, [])).toThrow(refused)
  })

  it('takes any name where nothing else has it', () => {
    for (const builtIn of [[], undefined, ['Bash']])
      expect(() => refuseSameNames({ tools, output: text }, builtIn)).not.toThrow()
  })
})
