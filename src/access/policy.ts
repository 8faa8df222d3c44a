import * as z from 'zod'
import type { TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { Turn } from '../turn/turn.ts'

const toolRule = z
  .string()
  .regex(/^[\w*-]+(\(.*\))?$/, 'must be a tool or a rule such as `Bash(git *)`')
const words = z.array(z.string().min(1).max(500)).max(200)

const count = z.number().int().min(1).max(1_000_000_000)
const dollars = z.number().min(0).max(1_000_000)

const limitsSchema = z.strictObject({
  requests_per_minute: count.optional(),
  tokens_per_minute: count.optional(),
  turns_at_once: count.optional(),
  /** By the days and months of UTC. */
  usd_per_day: dollars.optional(),
  usd_per_month: dollars.optional(),
  /** What one turn may cost, and so what is set aside for it; default 1. */
  usd_per_turn: dollars.optional(),
})

export type KeyLimits = z.output<typeof limitsSchema>

/** What a key may do, in the words of the admin API. What is absent is not limited beyond the owner's own settings. */
export const policySchema = z.strictObject({
  /** Names of models as requests write them; `*` stands for any text. */
  models: words.optional(),
  /** Providers that may answer: `claude-code` and names of fallbacks. */
  providers: words.optional(),
  /** Built-in tools, in Claude Code's rule syntax; within `ALLOWED_TOOLS`. */
  tools: z.array(toolRule).max(200).optional(),
  /** Names of the owner's MCP servers; where given, a request cannot bring its own. */
  mcp_servers: words.optional(),
  /** Absolute folders within `WORKSPACE_ROOTS`. */
  workspace_roots: words.optional(),
  /** How much it may use. */
  limits: limitsSchema.optional(),
  /** `false`: requests may not set `auto_allow_permissions`. */
  auto_allow: z.boolean().optional(),
})

export type KeyPolicy = z.output<typeof policySchema>

/** A policy that came from outside. Throws `invalid_value`, which names the field. */
export function parsePolicy(value: unknown): KeyPolicy {
  const parsed = policySchema.safeParse(value)
  if (parsed.success) {
    checkRoots(parsed.data)
    return parsed.data
  }
  const [issue] = parsed.error.issues
  const field = ['policy', ...(issue?.path ?? [])].join('.')
  throw new TurnError('invalid_value', `${field}: ${issue?.message ?? 'is not a policy'}.`, {
    param: field,
  })
}

function checkRoots({ workspace_roots: roots = [] }: KeyPolicy): void {
  const relative = roots.find((root) => !/^(?:\/|[a-z]:[\\/])/i.test(root))
  if (relative === undefined) return
  throw new TurnError(
    'invalid_value',
    `policy.workspace_roots: ${JSON.stringify(relative)} is not an absolute path.`,
    { param: 'policy.workspace_roots' },
  )
}

/** Whether a key without limits would be held to the same. */
export function isUnlimited(policy: KeyPolicy): boolean {
  return Object.values(policy).every((value) => value === undefined)
}

/** Holds a turn to what its key may do, as far as the request alone tells. Throws `forbidden`, which names the field. */
export function checkTurn(policy: KeyPolicy, turn: Turn): void {
  checkModels(policy, turn)
  checkMcp(policy, turn)
  if (policy.auto_allow === false && turn.claude.autoAllowPermissions) {
    throw refused(
      'claude_options.auto_allow_permissions',
      'is not allowed for this API key. List what is needed in claude_options.tools.',
    )
  }
}

function checkModels({ models }: KeyPolicy, turn: Turn): void {
  if (models === undefined) return
  const asked: [string, string][] = [['model', turn.model ?? 'claude-code']]
  for (const [name, { model }] of Object.entries(turn.claude.agents ?? {})) {
    if (model !== undefined && model !== 'inherit')
      asked.push([`claude_options.agents.${name}.model`, model])
  }
  for (const [field, model] of asked) {
    if (models.some((pattern) => matches(pattern, model))) continue
    const shown = JSON.stringify(model.slice(0, 100))
    throw refused(field, `${shown} is not allowed for this API key. It may use: ${listed(models)}.`)
  }
}

function checkMcp({ mcp_servers: allowed }: KeyPolicy, { claude: { mcpConfig } }: Turn): void {
  if (allowed === undefined || mcpConfig === undefined) return
  const field = 'claude_options.mcp_config'
  const may = `This API key may use by name: ${listed(allowed)}.`
  if (mcpConfig.type !== 'names') throw refused(field, `cannot bring servers of its own. ${may}`)
  mcpConfig.names.forEach((name, index) => {
    if (!allowed.includes(name))
      throw refused(
        `${field}[${index}]`,
        `${JSON.stringify(name.slice(0, 100))} is not allowed. ${may}`,
      )
  })
}

/** What a turn may cost where money is limited. */
export function budgetOf(limits: KeyLimits): number | undefined {
  const { usd_per_day: day, usd_per_month: month, usd_per_turn: turn } = limits
  const isLimited = [day, month, turn].some((limit) => limit !== undefined)
  return isLimited ? (turn ?? usualUsd) : undefined
}

const usualUsd = 1

/** What of a policy those behind the HTTP layer must hold to; undefined: nothing. */
export function allowanceOf({
  providers,
  tools,
  workspace_roots: workspaceRoots,
  limits = {},
}: KeyPolicy): TurnContext['allowed'] {
  const budgetUsd = budgetOf(limits)
  if ([providers, tools, workspaceRoots, budgetUsd].every((list) => list === undefined))
    return undefined
  return {
    ...(providers && { providers }),
    ...(tools && { tools }),
    ...(workspaceRoots && { workspaceRoots }),
    ...(budgetUsd !== undefined && { budgetUsd }),
  }
}

/** Holds to its policy what goes on unread to a provider. Throws `forbidden`. */
export function checkPassthrough({ models, limits = {} }: KeyPolicy): void {
  const { tokens_per_minute: tokens } = limits
  if ([models, tokens, budgetOf(limits)].some((limit) => limit !== undefined)) {
    throw new TurnError(
      'forbidden',
      'This API key is limited in models, tokens or money, and requests to this endpoint are passed on unread. Use a key without that limit.',
    )
  }
}

function matches(pattern: string, text: string): boolean {
  const parts = pattern.toLowerCase().split('*').map(escaped)
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text.toLowerCase())
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
}

function listed(words: readonly string[]): string {
  return words.join(', ') || 'none'
}

function refused(field: string, why: string): TurnError {
  return new TurnError('forbidden', `${field}: ${why}`, { param: field })
}
