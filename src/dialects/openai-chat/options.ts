import { z } from 'zod'
import {
  type ClaudeOptions,
  defaultClaudeOptions,
  type McpRequest,
} from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import { efforts } from '../../turn/turn.ts'
import { withoutAbsent } from './absent.ts'
import { firstProblem } from './problem.ts'

const words = z.string().min(1)
const list = z.array(words).nullish()
const flag = z.boolean().nullish()

/** An object whose unknown keys are refused with the list of the known ones. */
function strict<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? Object.keys(shape).join(', ') : undefined,
  })
}

const agent = strict({
  description: words,
  prompt: z.string(),
  tools: list,
  disallowedTools: list,
  model: words.nullish(),
})

const mcpServer = z.discriminatedUnion(
  'type',
  [
    strict({
      type: z.literal('stdio').optional(),
      command: words,
      args: z.array(z.string()).optional(),
      env: z.record(z.string(), z.string()).optional(),
    }),
    strict({
      type: z.enum(['http', 'sse']),
      url: words,
      headers: z.record(z.string(), z.string()).optional(),
    }),
  ],
  { error: 'one of "stdio", "http", "sse"' },
)
const mcpServers = z.record(z.string(), mcpServer)

/** `claude_options`, as it is written in a request. Unknown keys are refused: a misspelt option must not be lost silently. */
export const claudeOptionsSchema = strict({
  tools: list,
  disallowed_tools: list,
  session_id: words.nullish(),
  continue: flag,
  keep_session: flag,
  session_busy: z.enum(['wait', 'refuse']).nullish(),
  output_format: z.enum(['text', 'json', 'stream-json']).nullish(),
  debug: flag,
  working_dir: words.nullish(),
  project_settings: flag,
  mcp_config: z
    .union([z.string().min(1), z.array(words), z.record(z.string(), z.unknown())], {
      error: 'an object, a JSON string, an array of names or a file name',
    })
    .nullish(),
  files: list,
  images: list,
  auto_allow_permissions: flag,
  model: words.nullish(),
  append_system_prompt: z.string().nullish(),
  max_turns: z.int().min(1).nullish(),
  max_budget_usd: z.number().positive().nullish(),
  add_dirs: list,
  effort: z.enum(efforts).nullish(),
  agents: z.record(words, agent).nullish(),
  timeout_seconds: z.number().positive().nullish(),
  include_activity: flag,
  allow_degraded: flag,
  cache: z.enum(['exact', 'off']).nullish(),
})

export type RequestedOptions = z.infer<typeof claudeOptionsSchema>

/**
 * The options with every default filled in. `model` and `effort` are left to the caller of this: they belong to the turn. Throws
 * a `TurnError` for an MCP configuration that cannot be read and for options that exclude each other.
 */
export function decodeOptions(options: RequestedOptions | null | undefined): ClaudeOptions {
  if (!options) return { ...defaultClaudeOptions }
  if (options.continue === true && typeof options.session_id === 'string') {
    throw new TurnError(
      'invalid_value',
      'claude_options.continue and claude_options.session_id exclude each other; leave one of them out.',
      { param: 'claude_options.continue' },
    )
  }
  return {
    ...defaultClaudeOptions,
    ...withoutAbsent({
      tools: options.tools,
      disallowedTools: options.disallowed_tools,
      sessionId: options.session_id,
      continue: options.continue,
      keepSession: options.keep_session,
      sessionBusy: options.session_busy,
      outputFormat: options.output_format,
      debug: options.debug,
      workingDir: options.working_dir,
      projectSettings: options.project_settings,
      mcpConfig: decodeMcp(options.mcp_config),
      files: options.files,
      images: options.images,
      autoAllowPermissions: options.auto_allow_permissions,
      appendSystemPrompt: options.append_system_prompt,
      maxTurns: options.max_turns,
      maxBudgetUsd: options.max_budget_usd,
      addDirs: options.add_dirs,
      agents: decodeAgents(options.agents),
      timeoutSeconds: options.timeout_seconds,
      includeActivity: options.include_activity,
      allowDegraded: options.allow_degraded,
      cache: options.cache,
    }),
  }
}

function decodeAgents(agents: RequestedOptions['agents']): ClaudeOptions['agents'] {
  if (!agents) return undefined
  return Object.fromEntries(
    Object.entries(agents).map(([name, { description, prompt, ...rest }]) => [
      name,
      { description, prompt, ...withoutAbsent(rest) },
    ]),
  )
}

function decodeMcp(config: unknown): McpRequest | undefined {
  if (config === undefined || config === null) return undefined
  if (Array.isArray(config)) return { type: 'names', names: parseMcp(z.array(words), config) }
  if (typeof config !== 'string') return { type: 'servers', servers: serversOf(config) }
  if (!/^\s*[{[]/.test(config)) return { type: 'file', path: config }
  return decodeMcp(parseJson(config))
}

/** Claude Code's file has the servers under `mcpServers`; the bare map is accepted too. */
function serversOf(config: unknown): Extract<McpRequest, { type: 'servers' }>['servers'] {
  return Object.hasOwn(Object(config), 'mcpServers')
    ? parseMcp(strict({ mcpServers }), config).mcpServers
    : parseMcp(mcpServers, config)
}

function parseMcp<Schema extends z.ZodType>(schema: Schema, config: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(config)
  if (!parsed.success) throw firstProblem(parsed.error, config, ['claude_options', 'mcp_config'])
  return parsed.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message would quote the text, which may hold keys.
    const param = 'claude_options.mcp_config'
    throw new TurnError('invalid_value', `${param} begins like JSON but is not valid JSON.`, {
      param,
    })
  }
}
