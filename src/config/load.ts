import { join } from 'node:path'
import { ConfigError } from './config-error.ts'
import type { Config } from './config.ts'
import { contradictions } from './contradictions.ts'
import { failoverConfig } from './failover.ts'
import { readFallbacks, type FallbackConfig } from './fallbacks.ts'
import { readMcpServers, type McpServerSetting } from './mcp-servers.ts'
import { readSettings, type ConfigSources, type Readings } from './read.ts'
import type { SettingValues } from './schema.ts'
import { secretValues, secretVariables } from './secrets.ts'

/** The configuration from `.env`, environment and flags. Throws `ConfigError` with every problem there is. */
export function loadConfig(sources: ConfigSources): Config {
  const readings = readSettings(sources)
  if (readings.problems.length > 0) throw new ConfigError(readings.problems)
  const { values } = readings
  const { fallbacks, problems: fallbackProblems } = readFallbacks(values, readings.environment)
  const { servers, problems: serverProblems } = readMcpServers(values.MCP_SERVERS)
  const problems = [...contradictions(values), ...fallbackProblems, ...serverProblems]
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    http: httpConfig(values),
    engine: engineConfig(values, readings, servers),
    fallbacks,
    failover: failoverConfig(values),
    cache: {
      isDefault: values.CACHE === 'exact',
      sharedOwners: values.CACHE_SHARED_OWNERS ?? [],
      limits: {
        entries: values.CACHE_ENTRIES,
        bytes: bytes(values.CACHE_MB),
        keepMs: milliseconds(values.CACHE_SECONDS),
      },
      cleanMs: milliseconds(values.CACHE_CLEAN_SECONDS),
    },
    storage: {
      dataDir: values.DATA_DIR,
      ...(values.DATABASE_URL === undefined ? {} : { databaseUrl: values.DATABASE_URL }),
      databaseConnections: values.DATABASE_CONNECTIONS,
      ...(values.DATA_KEY === undefined ? {} : { dataKey: values.DATA_KEY }),
    },
    retention: {
      usageKeepMs: values.USAGE_KEEP_DAYS * dayMs,
      keyKeepMs: values.KEY_KEEP_DAYS * dayMs,
      debugKeepMs: values.DEBUG_KEEP_DAYS * dayMs,
    },
    sessions: { keepMs: values.SESSION_KEEP_DAYS * dayMs },
    batches: {
      concurrency: values.BATCH_CONCURRENCY,
      ...(values.BATCH_KEEP_DAYS !== undefined && { keepMs: values.BATCH_KEEP_DAYS * dayMs }),
      webhooks: {
        hosts: values.WEBHOOK_HOSTS ?? [],
        allowPrivateNetwork: values.ALLOW_PRIVATE_NETWORK,
        ...(values.WEBHOOK_SECRET !== undefined && { secret: values.WEBHOOK_SECRET }),
      },
    },
    files: {
      uploadLimitBytes: bytes(values.UPLOAD_LIMIT_MB),
      ...(values.FILE_KEEP_DAYS !== undefined && { keepMs: values.FILE_KEEP_DAYS * dayMs }),
    },
    log: logConfig(values, readings, fallbacks, servers),
  }
}

const dayMs = 24 * 3_600_000

function httpConfig(values: SettingValues): Config['http'] {
  return {
    host: values.HOST,
    port: values.PORT,
    ...(values.API_KEY === undefined ? {} : { apiKey: values.API_KEY }),
    ...(values.ADMIN_KEY === undefined ? {} : { adminKey: values.ADMIN_KEY }),
    corsOrigins: values.CORS_ORIGINS ?? [],
    allowedHosts: values.ALLOWED_HOSTS ?? [],
    bodyLimitBytes: bytes(values.BODY_LIMIT_MB),
    heartbeatMs: milliseconds(values.HEARTBEAT_SECONDS),
    readerMs: milliseconds(values.READER_TIMEOUT_SECONDS),
    shutdownGraceMs: milliseconds(values.SHUTDOWN_GRACE_SECONDS),
    strictParameters: values.STRICT_PARAMETERS,
    maxChoices: values.MAX_CHOICES,
  }
}

function engineConfig(
  values: SettingValues,
  readings: Readings,
  mcpServers: Record<string, McpServerSetting>,
): Config['engine'] {
  return {
    ...(values.CLAUDE_PATH === undefined ? {} : { claudePath: values.CLAUDE_PATH }),
    dataDir: values.DATA_DIR,
    workspaceRoots: values.WORKSPACE_ROOTS,
    ...(values.DEFAULT_MODEL === undefined ? {} : { defaultModel: values.DEFAULT_MODEL }),
    smallModel: values.SMALL_MODEL,
    modelAliases: values.MODEL_ALIASES ?? {},
    passEnv: values.PASS_ENV ?? [],
    environment: Object.fromEntries(
      Object.entries(readings.environment).filter(([name]) => !secretVariables.has(name)),
    ),
    ...(values.ALLOWED_TOOLS === undefined ? {} : { allowedTools: values.ALLOWED_TOOLS }),
    sandbox: values.SANDBOX,
    allowAutoPermissions: values.ALLOW_AUTO_PERMISSIONS,
    allowRequestMcpCommands: values.ALLOW_REQUEST_MCP_COMMANDS,
    mcpServers,
    allowPrivateNetwork: values.ALLOW_PRIVATE_NETWORK,
    fileLimitBytes: bytes(values.FILE_LIMIT_MB),
    imageLimitBytes: bytes(values.IMAGE_LIMIT_MB),
    amounts: {
      turns: values.MAX_TURNS,
      live: values.LIVE_CONVERSATIONS,
      waiting: values.WAITING_PROCESSES_MAX,
    },
    waitingFloor: values.WAITING_PROCESSES,
    sessionKeeping: values.SESSIONS,
    keepMs: milliseconds(values.LIVE_CONVERSATION_SECONDS),
    reuse: { mode: values.PROCESS_REUSE, conversations: values.PROCESS_REUSE_LIMIT },
    queue: {
      queuePlaces: values.QUEUE_PLACES,
      patienceMs: milliseconds(values.QUEUE_TIMEOUT_SECONDS),
    },
    maxRetries: values.CLAUDE_CODE_MAX_RETRIES,
    timeouts: {
      startMs: milliseconds(values.START_TIMEOUT_SECONDS),
      firstTokenMs: milliseconds(values.FIRST_TOKEN_TIMEOUT_SECONDS),
      idleMs: milliseconds(values.IDLE_TIMEOUT_SECONDS),
      toolMs: milliseconds(values.TOOL_TIMEOUT_SECONDS),
      turnMs: milliseconds(values.TURN_TIMEOUT_SECONDS),
    },
  }
}

function logConfig(
  values: SettingValues,
  readings: Readings,
  fallbacks: FallbackConfig[],
  servers: Record<string, McpServerSetting>,
): Config['log'] {
  const file =
    values.LOG_TO_FILE === true ? join(values.DATA_DIR, 'logs', 'server.log') : values.LOG_TO_FILE
  const serverSecrets = Object.values(servers).flatMap((server) =>
    Object.values('command' in server ? (server.env ?? {}) : (server.headers ?? {})),
  )
  return {
    level: values.LOG_LEVEL,
    format: values.LOG_FORMAT,
    ...(file === false ? {} : { file }),
    maxFiles: values.LOG_MAX_FILES,
    content: values.LOG_CONTENT,
    secrets: secretValues(readings.environment, [
      values.API_KEY,
      values.ADMIN_KEY,
      values.DATABASE_URL,
      passwordIn(values.DATABASE_URL),
      values.DATA_KEY,
      values.WEBHOOK_SECRET,
      ...fallbacks.flatMap(({ key, headers = {} }) => [key, ...Object.values(headers)]),
      ...serverSecrets,
    ]),
  }
}

/** The driver's messages may have the password without the rest of the address. */
function passwordIn(url: string | undefined): string | undefined {
  return url === undefined ? undefined : decodeURIComponent(new URL(url).password)
}

function bytes(mebibytes: number): number {
  return Math.round(mebibytes * 1024 * 1024)
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000)
}
