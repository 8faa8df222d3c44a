import { homedir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Telemetry } from '../telemetry/events.ts'
import type { McpServer } from '../turn/claude-options.ts'
import { childEnvironment } from './environment.ts'
import type { Amounts } from './processes/machine.ts'
import type { PlannerOptions } from './planner.ts'
import type { ReuseOptions } from './processes/reuse-policy.ts'
import type { SessionKeeping } from './conversation/keeping.ts'
import type { Leases, Sessions, Transcripts } from './conversation/sessions.ts'
import type { TimeLimits } from './processes/turn-clock.ts'

export type EngineOptions = {
  /** Another `claude` than the bundled one. */
  claudePath?: string
  /** The server's own folder: sessions, debug logs and the callers' default working folders. */
  dataDir: string
  /** The server's own environment; the child's is made from it by an allow-list. */
  environment: Readonly<Record<string, string>>
  passEnv: string[]
  workspaceRoots: string[]
  defaultModel?: string
  smallModel: string
  modelAliases: Record<string, string>
  /** The built-in tools that requests may use; absent: all. */
  allowedTools?: string[]
  sandbox: 'auto' | 'required' | 'off'
  allowAutoPermissions: boolean
  allowRequestMcpCommands: boolean
  mcpServers: Record<string, McpServer>
  allowPrivateNetwork: boolean
  fileLimitBytes: number
  imageLimitBytes: number
  /** How many turns run at once, conversations keep their process, and processes wait at the most. */
  amounts: Amounts
  /** How many processes wait at the least. */
  waitingFloor: number
  /** How long a conversation keeps its process, in milliseconds. */
  keepMs: number
  reuse: ReuseOptions
  /** Turns that wait for a place. */
  queue: { queuePlaces: number; patienceMs: number }
  /** How often Claude Code may retry a failed API call. */
  maxRetries: number
  timeouts: TimeLimits
  /** The server's name and version, `name/1.2.3`. */
  clientApp: string
  /** Files and folders of the server that no tool may touch. */
  forbidden: string[]
  /** Where sessions are remembered. */
  sessions: Sessions
  /** Where what was said in them is kept. */
  transcripts: Transcripts
  /** Who may answer in a session; absent where this is the only node. */
  leases?: Leases
  sessionKeeping: SessionKeeping
  telemetry: Telemetry
}

/** What was found on the machine when the engine was opened. */
export type Found = {
  claude?: { path: string; version: string }
  sandbox: 'available' | 'unavailable' | 'off'
}

/** What the planner needs of both. */
export function plannerOptions(options: EngineOptions, { claude, sandbox }: Found): PlannerOptions {
  return {
    ...options,
    ...(claude && { claude: claude.path, version: claude.version }),
    environment: childEnvironment({
      source: options.environment,
      pass: options.passEnv,
      maxRetries: options.maxRetries,
      clientApp: options.clientApp,
    }),
    claudeDir: options.environment['CLAUDE_CONFIG_DIR'] ?? join(homedir(), '.claude'),
    policy: {
      allowAutoPermissions: options.allowAutoPermissions,
      allowPrivateNetwork: options.allowPrivateNetwork,
      sandbox,
      programFolders: (options.environment['PATH'] ?? '').split(delimiter).filter(isAbsolute),
      ...(options.allowedTools && { allowedTools: options.allowedTools }),
    },
  }
}
