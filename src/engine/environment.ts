/**
 * The environment of a Claude Code process: an allow-list, because the SDK's `env` replaces the child's environment whole
 * and whatever is in it can be read by every command that a tool runs.
 */
export type EnvironmentOptions = {
  /** The server's own environment. */
  source: Readonly<Record<string, string | undefined>>
  /** More names that the owner lets pass. */
  pass: readonly string[]
  /** How often Claude Code itself may retry a failed API call. */
  maxRetries: number
  /** The server's name and version, for the User-Agent of API calls. */
  clientApp: string
}

/** What a process needs to run at all. */
const system =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|XDG_\w+|SYSTEMROOT|APPDATA|LOCALAPPDATA|USERPROFILE|PATHEXT|COMSPEC|PROGRAMDATA|PROGRAMFILES)$/i

/** What Claude Code reads for its folder, accounts, providers, proxies and certificates (its settings reference). */
const claude = [
  /^ANTHROPIC_\w+$/,
  /^CLAUDE_CONFIG_DIR$/,
  /^CLAUDE_CODE_(USE|SKIP)_(BEDROCK|VERTEX|FOUNDRY|MANTLE|ANTHROPIC_AWS)\w*$/,
  /^CLAUDE_CODE_(OAUTH_TOKEN|API_KEY_HELPER_TTL_MS|CLIENT_CERT|CLIENT_KEY|CLIENT_KEY_PASSPHRASE)$/,
  /^CLAUDE_CODE_(GIT_BASH_PATH|TMPDIR|PROXY_RESOLVES_HOSTS|CERT_STORE|EXTRA_BODY|DISABLE_NONESSENTIAL_TRAFFIC)$/,
  /^DISABLE_(TELEMETRY|ERROR_REPORTING|PROMPT_CACHING\w*)$/,
  /^(AWS|GOOGLE|GCLOUD|AZURE|VERTEX_REGION)_\w+$/,
  /^(CLOUD_ML_REGION|CLOUDSDK_CONFIG)$/,
  /^(HTTPS?|ALL|NO)_PROXY$/i,
  /^(NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR)$/,
]

/** The server's own secrets: never passed, not even when `PASS_ENV` names them. */
const own =
  /^(API_KEY|ADMIN_KEY|FALLBACK_API_KEY_\d+|MCP_SERVERS|DATABASE_URL|DATA_KEY|WEBHOOK_SECRET)$/

export function childEnvironment(options: EnvironmentOptions): Record<string, string> {
  const passed = new Set(options.pass)
  const environment: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.source)) {
    if (value === undefined || own.test(name)) continue
    if (system.test(name) || claude.some((rule) => rule.test(name)) || passed.has(name))
      environment[name] = value
  }
  return {
    ...environment,
    ...behaviour,
    CLAUDE_CODE_MAX_RETRIES: String(options.maxRetries),
    CLAUDE_AGENT_SDK_CLIENT_APP: options.clientApp,
  }
}

/** How Claude Code must behave behind a server. Each line is held by a contract test. */
const behaviour = {
  // A second belt beside `client_composed`: `@path` in a message stays text.
  CLAUDE_CODE_DISABLE_ATTACHMENTS: '1',
  // A retry without streaming after text was sent would say it twice.
  CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: '1',
  // A refusal ends the answer; nothing is added to the conversation to try again.
  CLAUDE_CODE_DISABLE_REFUSAL_RETRY: '1',
  CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK: '1',
  // Memories of other conversations would leak between callers.
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
  // A subagent or a command in the background would outlive the answer.
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
  // The caller's functions keep their names, are all shown, and are described in full.
  CLAUDE_AGENT_SDK_MCP_NO_PREFIX: '1',
  ENABLE_TOOL_SEARCH: 'false',
  CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH: '1000000',
  DISABLE_AUTOUPDATER: '1',
}
