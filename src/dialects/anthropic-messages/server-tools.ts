import { z } from 'zod'
import { TurnError } from '../../turn/error.ts'
import type { Disclosures } from '../openai-chat/disclosures.ts'
import { firstProblem } from '../openai-chat/problem.ts'

/** Rules for built-in tools of Claude Code, as in `claude_options.tools`. */
export type BuiltInRules = string[]

const domains = z.array(z.string().regex(/^[\w*.-]+(?:\/\S*)?$/, 'a domain')).nullish()

const webSchema = z.looseObject({
  allowed_domains: domains,
  blocked_domains: domains,
  max_uses: z.int().min(1).nullish(),
  max_content_tokens: z.int().min(1).nullish(),
  user_location: z.looseObject({}).nullish(),
  citations: z.looseObject({}).nullish(),
})

type Json = Readonly<Record<string, unknown>>

/**
 * One of the tools that the API has of its own, by its versioned type (`web_search_20250305`): Claude Code's own where it has the same one,
 * as far as its policy allows. Throws `unsupported_parameter` for the others.
 */
export function decodeServerTool(
  tool: Json,
  type: string,
  field: string,
  disclosures: Disclosures,
): BuiltInRules {
  const kind = type.replace(/_\d{8}$/, '')
  if (kind !== 'web_search' && kind !== 'web_fetch') throw unsupported(type, kind, field)
  const parsed = webSchema.safeParse(tool)
  // The path of the problem begins behind the field, which is one of a list.
  if (!parsed.success) throw firstProblem(parsed.error, tool, pathOf(field))
  const { allowed_domains: allowed, blocked_domains: blocked } = parsed.data
  if (blocked && blocked.length > 0) throw withoutBlocking(kind, `${field}.blocked_domains`)
  for (const name of ['max_uses', 'max_content_tokens', 'user_location', 'citations'] as const) {
    const value = parsed.data[name]
    if (value !== null && value !== undefined)
      disclosures.ignore(`tools[].${name}`, 'Claude Code has no such setting.', `${field}.${name}`)
  }
  if (kind === 'web_fetch')
    return allowed?.length ? allowed.map((domain) => `WebFetch(domain:${domain})`) : ['WebFetch']
  if (allowed && allowed.length > 0) throw withoutBlocking(kind, `${field}.allowed_domains`)
  return ['WebSearch']
}

function pathOf(field: string): (string | number)[] {
  return ['tools', Number(/\d+/.exec(field)?.[0] ?? 0)]
}

/** What to do instead. */
const advice: Readonly<Record<string, string>> = {
  bash: 'Offer a tool of your own with an `input_schema`, or have Claude Code run commands here: `claude_options.tools: ["Bash"]`.',
  text_editor:
    'Offer a tool of your own with an `input_schema`, or have Claude Code edit files here: `claude_options.tools: ["Read", "Edit", "Write"]`.',
  code_execution:
    'Have Claude Code run commands here: `claude_options.tools: ["Bash"]`, where the owner of this server allows it.',
  mcp_toolset: 'Name MCP servers in `claude_options.mcp_config`.',
}

function unsupported(type: string, kind: string, field: string): TurnError {
  const param = `${field}.type`
  const instead = advice[kind] ?? 'Offer a tool of your own with an `input_schema`.'
  return new TurnError(
    'unsupported_parameter',
    `${param} ${JSON.stringify(type.slice(0, 60))} is not supported: of the API's own tools there are web_search and web_fetch here. ${instead}`,
    { param },
  )
}

function withoutBlocking(kind: string, param: string): TurnError {
  return new TurnError(
    'unsupported_parameter',
    `${param} is not supported: Claude Code's ${kind === 'web_search' ? 'WebSearch' : 'WebFetch'} cannot be held to it. Leave it out.`,
    { param },
  )
}
