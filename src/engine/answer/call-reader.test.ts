import { describe, expect, it } from 'vitest'
import type { TurnEvent } from '../../turn/event.ts'
import type { Tool, ToolChoice } from '../../turn/tool.ts'
import { AnswerBlocks } from './answer-blocks.ts'
import { CallReader } from './call-reader.ts'
import { ClientTools } from '../tools/client-tools.ts'

const parameters = { type: 'object', required: ['a'] }
const tools: Tool[] = [
  { kind: 'function', name: 'plain', strict: false },
  { kind: 'function', name: 'strict', parameters, strict: true },
  { kind: 'custom', name: 'code' },
]

/** What the caller sees of one call whose input comes in these fragments. */
function read(name: string, fragments: string[], toolChoice: ToolChoice = { type: 'auto' }) {
  const start: TurnEvent = { type: 'start', id: 'x', provider: 'p', model: 'm' }
  const reader = new CallReader(
    new AnswerBlocks(() => start),
    new ClientTools({ tools, toolChoice }),
  )
  const pieces = [
    ...reader.start({ id: 'a', name }),
    ...fragments.flatMap((fragment) => reader.push(fragment)),
    ...reader.end(),
  ].flatMap((event) => (event.type === 'tool-call-delta' ? [event.input] : [event.type]))
  return { pieces, reading: reader.reading }
}

describe('CallReader', () => {
  it('shows a call as it is written', () => {
    expect(read('plain', ['', '{"a"', ':1}'])).toEqual({
      pieces: ['start', 'tool-call-start', '{"a"', ':1}', 'tool-call-end'],
      reading: false,
    })
  })

  it('gives an empty object when there are no arguments', () => {
    expect(read('plain', ['']).pieces).toEqual(['start', 'tool-call-start', '{}', 'tool-call-end'])
  })

  it('shows a strict call whole, and only when it obeys its schema', () => {
    expect(read('strict', ['{"a"', ':1}']).pieces).toEqual([
      'start',
      'tool-call-start',
      '{"a":1}',
      'tool-call-end',
    ])
    expect(read('strict', ['{"b":1}']).pieces).toEqual([])
    expect(read('strict', ['{"a"']).pieces).toEqual([])
  })

  it('unwraps the free text of a custom tool', () => {
    const input = JSON.stringify({ input: 'print("é")\n' })
    expect(read('code', [input.slice(0, 9), input.slice(9)]).pieces).toContain('print("é")\n')
  })

  it('shows nothing of a call that the choice does not allow', () => {
    expect(read('plain', ['{}'], { type: 'none' })).toEqual({ pieces: [], reading: false })
  })

  it('shows nothing of a tool that is not the caller’s', () => {
    expect(read('Read', ['{}'])).toEqual({ pieces: [], reading: false })
  })
})
