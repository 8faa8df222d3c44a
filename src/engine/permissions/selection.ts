import type { ClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import type { Notice } from '../../turn/event.ts'
import { isMcpRule, matchesMcpTool, parseRules, type Rule } from './rules.ts'
import { defaultNames } from './tools.ts'

/** The owner's say over the tools of requests. */
export type ToolPolicy = {
  /** `ALLOWED_TOOLS`; absent: all. */
  allowedTools?: string[]
  /** What the caller's key leaves of them; absent: all. */
  keyTools?: readonly string[]
  /** `ALLOW_AUTO_PERMISSIONS` */
  allowAutoPermissions: boolean
  /** What commands of tools are confined by; `off` is the owner's choice, `unavailable` the machine's. */
  sandbox: 'available' | 'unavailable' | 'off'
  /** `ALLOW_PRIVATE_NETWORK` */
  allowPrivateNetwork: boolean
  /** Folders of programs (the server's `PATH`) that commands in the sandbox may read besides the system's own. */
  programFolders?: string[]
}

/** The tools of one request. */
export type Selection = {
  tools: string[]
  /** Each list must cover a use. */
  allow: Rule[][]
  deny: Rule[]
  notices: Notice[]
}

const noSandbox =
  'Bash needs the sandbox, which does not work on this server: install bubblewrap, socat and ripgrep there, or let its owner set SANDBOX=off'

/** Which tools a request gets. Throws a 400 for what is not a rule, and a 403 naming the setting for what the owner forbids. */
export function selectTools(claude: ClaudeOptions, policy: ToolPolicy): Selection {
  const asked = parseRules(claude.tools, { field: 'claude_options.tools', purpose: 'allow' })
  const deny = parseRules(claude.disallowedTools, {
    field: 'claude_options.disallowed_tools',
    purpose: 'deny',
  })
  // The owner's list may name tools that are never offered; naming them changes nothing.
  const limits = limitsOf(policy)
  if (claude.autoAllowPermissions && !policy.allowAutoPermissions) {
    throw new TurnError(
      'forbidden',
      'claude_options.auto_allow_permissions is not allowed on this server (ALLOW_AUTO_PERMISSIONS=false); list what is needed in claude_options.tools.',
      { param: 'claude_options.auto_allow_permissions' },
    )
  }
  asked.forEach((rule, index) => {
    const param = `claude_options.tools[${index}]`
    const limit = limits.find(({ rules }) => !allows(rules, rule))
    if (limit) throw outside(rule, param, limit)
    if (rule.tool === 'Bash' && policy.sandbox === 'unavailable')
      throw new TurnError('forbidden', `${param}: ${noSandbox}.`, { param })
  })
  const caller = asked.length === 0 && claude.autoAllowPermissions ? defaults(limits) : asked
  const removed = new Set(
    deny.filter((rule) => rule.content === undefined).map((rule) => rule.tool),
  )
  const wanted = [
    ...new Set(caller.filter((rule) => !isMcpRule(rule)).map((rule) => rule.tool)),
  ].filter((tool) => !removed.has(tool))
  const withoutBash = wanted.includes('Bash') && policy.sandbox === 'unavailable'
  return {
    tools: withoutBash ? wanted.filter((tool) => tool !== 'Bash') : wanted,
    allow: [caller, ...limits.map(({ rules }) => rules)],
    deny,
    notices: withoutBash
      ? [{ type: 'remark', text: `${noSandbox}. This request runs without Bash.` }]
      : [],
  }
}

/** A list that every use must be in, and whose it is. */
type Limit = { rules: Rule[]; by: string }

function limitsOf({ allowedTools, keyTools }: ToolPolicy): Limit[] {
  const lists = [
    { list: allowedTools, field: 'ALLOWED_TOOLS', by: 'on this server. Its setting ALLOWED_TOOLS' },
    { list: keyTools, field: 'policy.tools', by: 'for this API key. Its list of tools' },
  ]
  return lists.flatMap(({ list, field, by }) =>
    list === undefined ? [] : [{ rules: parseRules([...list], { field, purpose: 'deny' }), by }],
  )
}

function defaults(limits: readonly Limit[]): Rule[] {
  return defaultNames
    .map((name) => ({ text: name, tool: name }))
    .filter((rule) => limits.every(({ rules }) => allows(rules, rule)))
}

/** Whether a list allows the tool at all; which of its uses is judged use by use. */
function allows(owner: readonly Rule[], rule: Rule): boolean {
  if (!isMcpRule(rule)) return owner.some(({ tool }) => tool === rule.tool)
  const mcp = owner.filter(isMcpRule)
  return (
    mcp.length === 0 ||
    mcp.some((allowed) => allowed.tool === rule.tool || matchesMcpTool(allowed, rule.tool))
  )
}

function outside(rule: Rule, param: string, { rules, by }: Limit): TurnError {
  const allowed = rules.map(({ text }) => text).join(', ')
  return new TurnError(
    'forbidden',
    `${param}: ${rule.tool} is not allowed ${by} allows ${allowed || 'none'}.`,
    {
      param,
    },
  )
}
