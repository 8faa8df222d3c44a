import type { CanUseTool, HookCallback, Options } from '@anthropic-ai/claude-agent-sdk'
import type { CallBound } from './call-bound.ts'
import type { Wall } from './wall.ts'

/**
 * The wall as the SDK calls it: before each tool use, and again where Claude Code itself would ask a person. `first` decides before it, and the
 * bound after it: what is refused does not count.
 */
export function gate(
  wall: Wall,
  commandsAreLimited: boolean,
  { first, bound }: { first?: HookCallback | undefined; bound?: CallBound | undefined } = {},
): Pick<Options, 'canUseTool' | 'hooks'> {
  let resultsFolder: string | undefined
  const before: HookCallback = async (event, toolUseId, options) => {
    if (event.hook_event_name !== 'PreToolUse') return {}
    const decided = await first?.(event, toolUseId, options)
    if (decided && 'hookSpecificOutput' in decided) return decided
    resultsFolder = `${event.transcript_path.replace(/\.jsonl$/, '')}/tool-results`
    const wrong = isRecord(event.tool_input)
      ? await wall({ tool: event.tool_name, input: event.tool_input }, resultsFolder)
      : 'its input is not an object'
    const refusal = wrong ?? bound?.take()
    if (refusal === undefined) return {}
    return {
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'deny',
        permissionDecisionReason: refusalText(event.tool_name, refusal),
      },
    }
  }
  const ask: CanUseTool = async (tool, input) => {
    // A command that a rule covers is not asked about: here Claude Code's own matcher did not agree with ours.
    const refusal =
      tool === 'Bash' && commandsAreLimited
        ? 'the command, or a part of it, is not covered by the rules of this request'
        : await wall({ tool, input }, resultsFolder)
    return refusal === undefined
      ? { behavior: 'allow', updatedInput: input }
      : { behavior: 'deny', message: refusalText(tool, refusal) }
  }
  return {
    canUseTool: ask,
    hooks: { PreToolUse: [{ hooks: [before], timeout: hookSeconds, onFailure: 'block' }] },
  }
}

/** Longer than any check of the wall takes. */
const hookSeconds = 30

function refusalText(tool: string, refusal: string): string {
  return `${tool} was refused by this server: ${refusal}.`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
