import type { FailoverConfig } from './failover.ts'
import type { FallbackConfig } from './fallbacks.ts'
import type { McpServerSetting } from './mcp-servers.ts'

/** The whole configuration, checked, with every default filled in. Times are milliseconds, sizes bytes, paths absolute. */
export type Config = {
  http: {
    host: string
    /** 0: any free port. */
    port: number
    apiKey?: string
    /** Absent: there is no admin API. */
    adminKey?: string
    corsOrigins: string[]
    allowedHosts: string[]
    bodyLimitBytes: number
    heartbeatMs: number
    /** How long a reader of a stream may take nothing. */
    readerMs: number
    shutdownGraceMs: number
    strictParameters: boolean
    maxChoices: number
  }
  engine: {
    claudePath?: string
    dataDir: string
    workspaceRoots: string[]
    /** Absent: what the account's own default is. */
    defaultModel?: string
    smallModel: string
    modelAliases: Record<string, string>
    passEnv: string[]
    /** The server's own environment over the `.env` file's, without the server's own secrets. */
    environment: Record<string, string>
    /** Absent: requests may use every tool. */
    allowedTools?: string[]
    sandbox: 'auto' | 'required' | 'off'
    allowAutoPermissions: boolean
    allowRequestMcpCommands: boolean
    mcpServers: Record<string, McpServerSetting>
    allowPrivateNetwork: boolean
    fileLimitBytes: number
    imageLimitBytes: number
    amounts: { turns: number | 'auto'; live: number | 'auto'; waiting: number | 'auto' }
    waitingFloor: number
    sessionKeeping: 'always' | 'asked' | 'never'
    keepMs: number
    reuse: { mode: 'never' | 'batch' | 'always'; conversations: number }
    queue: { queuePlaces: number; patienceMs: number }
    maxRetries: number
    timeouts: {
      startMs: number
      firstTokenMs: number
      idleMs: number
      toolMs: number
      turnMs: number
    }
  }
  /** In the order in which they are tried. */
  fallbacks: FallbackConfig[]
  failover: FailoverConfig
  cache: {
    isDefault: boolean
    sharedOwners: string[]
    limits: { entries: number; bytes: number; keepMs: number }
    cleanMs: number
  }
  storage: {
    /** Absolute. */
    dataDir: string
    /** Absent: a database in `dataDir`. */
    databaseUrl?: string
    /** The most connections to it. */
    databaseConnections: number
    /** Absent: content is not encrypted. */
    dataKey?: string
  }
  /** How long records are kept that belong to nothing else. */
  retention: { usageKeepMs: number; keyKeepMs: number; debugKeepMs: number }
  /** How long after its last turn a session is kept. */
  sessions: { keepMs: number }
  batches: {
    concurrency: number | 'auto'
    /** Absent: for ever. */
    keepMs?: number
    /** `secret` is there where there are hosts. */
    webhooks: { hosts: string[]; secret?: string; allowPrivateNetwork: boolean }
  }
  files: {
    uploadLimitBytes: number
    /** Absent: until they are deleted. */
    keepMs?: number
  }
  log: {
    level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
    format: 'auto' | 'pretty' | 'json'
    /** Absent: no file. */
    file?: string
    maxFiles: number
    content: boolean
    /** Values that must not appear in any line. */
    secrets: string[]
  }
}
