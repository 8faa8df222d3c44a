import type { Options } from '@anthropic-ai/claude-agent-sdk'
import { TurnError } from '../../turn/error.ts'
import type { Turn } from '../../turn/turn.ts'
import { answerTool } from '../schema/structured-output.ts'

/**
 * Refuses a tool of the caller's with the name of another one that the model is offered: all share one list, and a name must mean one
 * thing. Throws `invalid_value`, naming the tool.
 */
export function refuseSameNames(
  { tools, output }: Pick<Turn, 'tools' | 'output'>,
  builtIn: Options['tools'],
): void {
  const builtInNames = Array.isArray(builtIn) ? builtIn : []
  for (const [index, { name }] of tools.entries()) {
    if (builtInNames.includes(name)) {
      throw sameName(
        index,
        `"${name}", as a built-in tool of this request is. Rename it, or leave "${name}" out of claude_options.tools.`,
      )
    }
    if (output.type !== 'text' && name === answerTool) {
      throw sameName(
        index,
        `"${name}", as the tool is by which Claude gives a structured answer. Rename it, or leave out response_format.`,
      )
    }
  }
}

function sameName(index: number, words: string): TurnError {
  const param = `tools[${index}]`
  return new TurnError('invalid_value', `${param} is called ${words}`, { param })
}
