import {
  databaseUrl,
  decimal,
  httpUrl,
  integer,
  integerOrAuto,
  list,
  oneOf,
  pairs,
  passphrase,
  price,
  path,
  paths,
  secretText,
  switchOrPath,
  text,
  toolRules,
  trueOrFalse,
  webhookSecret,
  type Kind,
} from './kinds.ts'

/** The chapters of docs/configuration.md, in order. */
export const sections = {
  server: 'Server',
  claude: 'Claude Code',
  capacity: 'Speed and capacity',
  safety: 'What requests may do',
  timeouts: 'Timeouts',
  logs: 'Logs',
  fallbacks: 'Fallbacks',
  failover: 'Failover',
  cache: 'Cache',
  storage: 'Storage',
} as const

export type Section = keyof typeof sections

/** One row of the table. Without `default` the setting may be absent. */
export type Setting = {
  section: Section
  kind: Kind<unknown>
  default?: string
  /** One line for docs, `.env.example` and `--help`. */
  doc: string
  /** Never printed, not even when it is wrong. */
  secret?: true
  /** So many variables `NAME_1` … `NAME_n`; the value is a list with gaps. */
  repeat?: number
}

/** How many fallbacks can be configured. */
export const fallbackLimit = 5

const seconds = decimal(0.01, 604_800)
const providerName = /^[\w.-]{1,64}$/
const hostNames = /^[\w.-]+$|^\[?[\da-f:.]+\]?$/i

/** Every setting: docs, `.env.example`, flags, checks and types are made from this table. */
export const settings = {
  PORT: {
    section: 'server',
    kind: integer(0, 65_535),
    default: '8082',
    doc: 'The port to listen on; `0` takes any free one.',
  },
  HOST: {
    section: 'server',
    kind: {
      expects: 'a host name or an IP address',
      parse: (value) => (hostNames.test(value) ? value.replace(/^\[|\]$/g, '') : undefined),
    } satisfies Kind<string>,
    default: '127.0.0.1',
    doc: 'The address to listen on; one that other machines can reach needs `API_KEY`.',
  },
  API_KEY: {
    section: 'server',
    kind: secretText,
    secret: true,
    doc: 'The key that clients must send (`Authorization: Bearer`, `api-key` or `x-api-key`); none: loopback only.',
  },
  ADMIN_KEY: {
    section: 'server',
    kind: secretText,
    secret: true,
    doc: 'The key of the admin API (`/v1/admin/…`), which makes and changes other keys; none: the admin API is off.',
  },
  CORS_ORIGINS: {
    section: 'server',
    kind: list(
      '`*` or origins such as `https://app.example.com`',
      /^(\*|[a-z][a-z\d+.-]*:\/\/[^\s/]+)$/i,
    ),
    doc: 'Web pages that may use the server from a browser; none: no page may. `*` needs `API_KEY`.',
  },
  ALLOWED_HOSTS: {
    section: 'server',
    kind: list('host names', hostNames),
    doc: 'More names under which clients reach the server (the `Host` header), such as that of a reverse proxy.',
  },
  BODY_LIMIT_MB: {
    section: 'server',
    kind: decimal(0.001, 1024),
    default: '64',
    doc: 'The largest request body, in MiB.',
  },
  HEARTBEAT_SECONDS: {
    section: 'server',
    kind: seconds,
    default: '15',
    doc: 'How long a stream may be silent before a comment line keeps it alive.',
  },
  SHUTDOWN_GRACE_SECONDS: {
    section: 'server',
    kind: decimal(0, 3600),
    default: '30',
    doc: 'How long running requests may go on after SIGTERM or SIGINT.',
  },
  STRICT_PARAMETERS: {
    section: 'server',
    kind: trueOrFalse,
    default: 'false',
    doc: 'Refuse parameters that would otherwise be accepted without effect and disclosed in a header.',
  },
  MAX_CHOICES: {
    section: 'server',
    kind: integer(1, 128),
    default: '8',
    doc: 'The largest `n` of a request; each choice is a turn of its own.',
  },
  CLAUDE_PATH: {
    section: 'claude',
    kind: path,
    doc: 'Another `claude` binary than the bundled one.',
  },
  DATA_DIR: {
    section: 'claude',
    kind: path,
    default: '~/.claude-code-api',
    doc: 'Where everything is kept that is kept on this machine: the database, sessions, log files; one server at a time.',
  },
  DEFAULT_MODEL: {
    section: 'claude',
    kind: text,
    doc: 'The model of requests that name none, `claude-code` or an OpenAI model; none: the default of your Claude Code account.',
  },
  SMALL_MODEL: {
    section: 'claude',
    kind: text,
    default: 'haiku',
    doc: 'The model behind OpenAI names that end in `-mini` or `-nano`.',
  },
  MODEL_ALIASES: {
    section: 'claude',
    kind: pairs,
    doc: 'Model names of your own, such as `gpt-4o=sonnet,foo=opus`; `GET /v1/models` lists them too.',
  },
  PASS_ENV: {
    section: 'claude',
    kind: list('names of environment variables', /^[A-Za-z_]\w*$/),
    doc: 'More environment variables that Claude Code and its tools may see, separated by commas.',
  },
  WAITING_PROCESSES: {
    section: 'capacity',
    kind: integer(0, 64),
    default: '1',
    doc: 'How many Claude Code processes wait at the least, already started, for the next request (each holds the memory of an idle `claude`); `0`: none ever.',
  },
  WAITING_PROCESSES_MAX: {
    section: 'capacity',
    kind: integerOrAuto(0, 256),
    default: 'auto',
    doc: 'How many wait at the most, when requests come often; `auto`: one a core, and less where memory is short.',
  },
  LIVE_CONVERSATIONS: {
    section: 'capacity',
    kind: integerOrAuto(0, 1_024),
    default: 'auto',
    doc: 'How many conversations keep their process after an answer, for the next question or the results of functions (each holds the memory of an idle `claude`); `auto`: a sixth of the memory, at most 64.',
  },
  LIVE_CONVERSATION_SECONDS: {
    section: 'capacity',
    kind: decimal(1, 86_400),
    default: '300',
    doc: 'How long a conversation keeps its process.',
  },
  PROCESS_REUSE: {
    section: 'capacity',
    kind: oneOf('never', 'batch', 'always'),
    default: 'always',
    doc: 'Whether the process of an older conversation may begin a new one of the same caller and the same kind, without tools: `batch` for requests with `service_tier: "flex"` only.',
  },
  PROCESS_REUSE_LIMIT: {
    section: 'capacity',
    kind: integer(1, 100_000),
    default: '200',
    doc: 'How many conversations one process may have, one after another.',
  },
  MAX_TURNS: {
    section: 'capacity',
    kind: integerOrAuto(1, 4_096),
    default: 'auto',
    doc: 'How many turns run at once; `auto`: eight a core, and less where half of the memory does not hold their processes.',
  },
  BATCH_CONCURRENCY: {
    section: 'capacity',
    kind: integerOrAuto(1, 4_096),
    default: 'auto',
    doc: 'How many lines of batches run at once, of the places that live requests leave; `auto`: three quarters of MAX_TURNS.',
  },
  QUEUE_PLACES: {
    section: 'capacity',
    kind: integer(0, 100_000),
    default: '256',
    doc: 'How many more requests may wait for a place; beyond it they get a 429.',
  },
  QUEUE_TIMEOUT_SECONDS: {
    section: 'capacity',
    kind: seconds,
    default: '60',
    doc: 'How long a request may wait for a place.',
  },
  CLAUDE_CODE_MAX_RETRIES: {
    section: 'claude',
    kind: integer(0, 10),
    default: '2',
    doc: "How often Claude Code repeats a request that Anthropic's API failed.",
  },
  MCP_SERVERS: {
    section: 'claude',
    kind: {
      expects: 'a JSON object or the path of a JSON file',
      parse: (value) => value,
    } satisfies Kind<string>,
    secret: true,
    doc: 'MCP servers that requests may name: JSON (`{"name": {"command": "…"}}`) or the path of a JSON file.',
  },
  WORKSPACE_ROOTS: {
    section: 'safety',
    kind: paths,
    default: '~',
    doc: 'The folders inside which requests may choose a working folder, separated by `:` or `,`.',
  },
  ALLOWED_TOOLS: {
    section: 'safety',
    kind: toolRules,
    doc: 'The only built-in tools that requests may use, in the rule syntax of Claude Code; none: no limit.',
  },
  SANDBOX: {
    section: 'safety',
    kind: oneOf('auto', 'required', 'off'),
    default: 'auto',
    doc: 'Commands run in a sandbox, and without a working one requests get no Bash (`auto`) or the server does not start (`required`); `off` runs them unconfined.',
  },
  ALLOW_AUTO_PERMISSIONS: {
    section: 'safety',
    kind: trueOrFalse,
    default: 'true',
    doc: 'Whether requests may set `auto_allow_permissions`.',
  },
  ALLOW_REQUEST_MCP_COMMANDS: {
    section: 'safety',
    kind: trueOrFalse,
    default: 'false',
    doc: 'Whether requests may bring MCP servers that start a command on this machine.',
  },
  ALLOW_PRIVATE_NETWORK: {
    section: 'safety',
    kind: trueOrFalse,
    default: 'false',
    doc: 'Whether addresses in requests (pictures, MCP servers, webhooks) may lead to private networks and this machine.',
  },
  WEBHOOK_HOSTS: {
    section: 'safety',
    kind: list(
      'host names such as `hooks.example.com`, `*.example.com` or `10.0.0.7:9000`',
      /^((\*\.)?[\w-]+(\.[\w-]+)*|\[[\da-f:.]+\])(:\d{1,5})?$/i,
    ),
    doc: 'The hosts that batches may tell of their end (`metadata.webhook_url`), each with its port unless it is the usual one; none: no webhooks are sent. Needs `WEBHOOK_SECRET`.',
  },
  WEBHOOK_SECRET: {
    section: 'safety',
    kind: webhookSecret,
    secret: true,
    doc: 'What webhooks are signed with, and verified with by those who get them: `whsec_` and the output of `openssl rand -base64 32`.',
  },
  FILE_LIMIT_MB: {
    section: 'safety',
    kind: decimal(0.001, 1024),
    default: '20',
    doc: 'The largest file of `claude_options.files` and of `file` parts in messages, in MiB.',
  },
  IMAGE_LIMIT_MB: {
    section: 'safety',
    kind: decimal(0.001, 1024),
    default: '10',
    doc: 'The largest picture, in MiB.',
  },
  START_TIMEOUT_SECONDS: {
    section: 'timeouts',
    kind: seconds,
    default: '30',
    doc: 'How long Claude Code may take to start.',
  },
  FIRST_TOKEN_TIMEOUT_SECONDS: {
    section: 'timeouts',
    kind: seconds,
    default: '120',
    doc: 'How long the first output may take.',
  },
  IDLE_TIMEOUT_SECONDS: {
    section: 'timeouts',
    kind: seconds,
    default: '120',
    doc: 'How long the output may stop once it has begun.',
  },
  TOOL_TIMEOUT_SECONDS: {
    section: 'timeouts',
    kind: seconds,
    default: '1800',
    doc: 'How long one use of a built-in or MCP tool may take.',
  },
  READER_TIMEOUT_SECONDS: {
    section: 'timeouts',
    kind: seconds,
    default: '60',
    doc: 'How long the reader of a stream may leave what was sent untaken; then it is dropped, its turn with it.',
  },
  TURN_TIMEOUT_SECONDS: {
    section: 'timeouts',
    kind: seconds,
    default: '3600',
    doc: 'How long a whole request may take.',
  },
  LOG_LEVEL: {
    section: 'logs',
    kind: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    doc: 'The least important lines that are still logged.',
  },
  LOG_FORMAT: {
    section: 'logs',
    kind: oneOf('auto', 'pretty', 'json'),
    default: 'auto',
    doc: '`pretty` for a person, `json` for machines, `auto`: pretty on a terminal.',
  },
  LOG_TO_FILE: {
    section: 'logs',
    kind: switchOrPath,
    default: 'false',
    doc: 'Also write JSON lines to a file: `true` for `logs/server.log` in `DATA_DIR`, or a path; a new file each day and every 20 MB.',
  },
  LOG_MAX_FILES: {
    section: 'logs',
    kind: integer(1, 1000),
    default: '10',
    doc: 'How many log files are kept.',
  },
  LOG_CONTENT: {
    section: 'logs',
    kind: trueOrFalse,
    default: 'false',
    doc: 'Also log prompts and answers. Keys are never logged.',
  },
  FALLBACK_API_NAME: {
    section: 'fallbacks',
    kind: {
      expects: 'up to 64 letters, digits, `.`, `_` and `-`',
      parse: (value) => (providerName.test(value) ? value : undefined),
    } satisfies Kind<string>,
    repeat: fallbackLimit,
    doc: 'The name of the OpenAI-compatible API that answers when those before it cannot, as shown in `x-provider`.',
  },
  FALLBACK_API_URL: {
    section: 'fallbacks',
    kind: httpUrl,
    repeat: fallbackLimit,
    doc: 'Its base address, usually ending in `/v1`.',
  },
  FALLBACK_API_KEY: {
    section: 'fallbacks',
    kind: secretText,
    secret: true,
    repeat: fallbackLimit,
    doc: 'Its key, if it needs one.',
  },
  FALLBACK_API_MODEL: {
    section: 'fallbacks',
    kind: text,
    repeat: fallbackLimit,
    doc: "The model to ask there; none: the request's own.",
  },
  FALLBACK_API_PRICE: {
    section: 'fallbacks',
    kind: price,
    repeat: fallbackLimit,
    doc: 'What it asks for, in US dollars a million tokens: of the prompt, of the answer, and if wanted of cached prompt tokens (`0.15,0.6,0.075`). For usage and budgets; none: budgets count its tokens as dear as any.',
  },
  PROVIDERS_FILE: {
    section: 'fallbacks',
    kind: path,
    doc: 'A JSON file with more fallbacks, and with all that can be said of one; see docs/failover.md.',
  },
  FALLBACK_CONNECT_TIMEOUT_SECONDS: {
    section: 'fallbacks',
    kind: seconds,
    default: '5',
    doc: 'How long the connection to a fallback may take.',
  },
  FALLBACK_HEADER_TIMEOUT_SECONDS: {
    section: 'fallbacks',
    kind: seconds,
    default: '30',
    doc: 'How long the first header of a streamed answer may take.',
  },
  FALLBACK_FIRST_OUTPUT_TIMEOUT_SECONDS: {
    section: 'fallbacks',
    kind: seconds,
    default: '60',
    doc: 'How long the first output may take after the first header.',
  },
  FALLBACK_IDLE_TIMEOUT_SECONDS: {
    section: 'fallbacks',
    kind: seconds,
    default: '60',
    doc: 'How long a fallback may be silent between two events of a stream, or take from the first byte of an answer that is not streamed to its last.',
  },
  FALLBACK_ANSWER_TIMEOUT_SECONDS: {
    section: 'fallbacks',
    kind: seconds,
    default: '600',
    doc: 'How long a whole answer of a fallback may take when it is not streamed.',
  },
  FALLBACK_SILENCE_TIMEOUT_SECONDS: {
    section: 'fallbacks',
    kind: seconds,
    default: '100',
    doc: 'How long nothing at all of such an answer may come while another provider can be asked instead.',
  },
  PROVIDER_ORDER: {
    section: 'failover',
    kind: list('names of providers', providerName),
    doc: 'Who is asked first, second and so on: `claude-code` and names of fallbacks; those left out follow in their own order.',
  },
  PASSTHROUGH_PROVIDER: {
    section: 'failover',
    kind: {
      expects: 'the name of a fallback',
      parse: (value) => (providerName.test(value) ? value : undefined),
    } satisfies Kind<string>,
    doc: 'The fallback that gets what is not chat (embeddings, audio, images, moderations, rerank), alone; none: those that have it, in order.',
  },
  RETRIES: {
    section: 'failover',
    kind: integer(0, 10),
    default: '2',
    doc: 'How often one request may be repeated at fallbacks that failed, over all of them.',
  },
  RETRY_SECONDS: {
    section: 'failover',
    kind: decimal(0, 3600),
    default: '20',
    doc: 'How long one request may wait for its repetitions, all together.',
  },
  BREAKER_FAILURES: {
    section: 'failover',
    kind: integer(1, 1000),
    default: '5',
    doc: 'After so many failures in a row a provider rests.',
  },
  BREAKER_FAILURE_PERCENT: {
    section: 'failover',
    kind: decimal(1, 100),
    default: '50',
    doc: 'A provider also rests when this share of at least 10 requests within BREAKER_WINDOW_SECONDS failed.',
  },
  BREAKER_WINDOW_SECONDS: {
    section: 'failover',
    kind: seconds,
    default: '30',
    doc: 'The time over which failures are counted for BREAKER_FAILURE_PERCENT.',
  },
  BREAKER_REST_SECONDS: {
    section: 'failover',
    kind: seconds,
    default: '15',
    doc: 'How long a provider rests before one request looks whether it is well.',
  },
  CACHE: {
    section: 'cache',
    kind: oneOf('off', 'exact'),
    default: 'off',
    doc: '`exact`: an answer is given again when its owner asks exactly the same; `off`: only where a request asks for it (`claude_options.cache`).',
  },
  CACHE_SECONDS: {
    section: 'cache',
    kind: seconds,
    default: '3600',
    doc: 'How long an answer is given again.',
  },
  CACHE_ENTRIES: {
    section: 'cache',
    kind: integer(1, 10_000_000),
    default: '1000',
    doc: 'How many answers are kept; the least recently used goes first.',
  },
  CACHE_MB: {
    section: 'cache',
    kind: decimal(0.001, 1_048_576),
    default: '64',
    doc: 'How much memory the answers may take, in MiB, roughly counted; one answer takes an eighth of it at most.',
  },
  CACHE_CLEAN_SECONDS: {
    section: 'cache',
    kind: decimal(1, 86_400),
    default: '60',
    doc: 'How often answers that are too old are removed.',
  },
  CACHE_SHARED_OWNERS: {
    section: 'cache',
    kind: list(
      'names of owners (`anonymous`, or `key-…` as `GET /v1/cache` shows it)',
      /^[\w.-]+$/,
    ),
    doc: 'Owners of keys that share their answers with each other; none: nobody does.',
  },
  SESSIONS: {
    section: 'storage',
    kind: oneOf('always', 'asked', 'never'),
    default: 'always',
    doc: 'Which chats can be gone on with by their `session_id`: every one, those that ask for it (`keep_session`), or none. What was said in the others is gone when their process ends.',
  },
  SESSION_KEEP_DAYS: {
    section: 'storage',
    kind: decimal(0.001, 36_500),
    default: '30',
    doc: 'How long a session is kept after its last turn.',
  },
  STORED_KEEP_DAYS: {
    section: 'storage',
    kind: decimal(0, 36_500),
    default: '30',
    doc: 'How long a chat completion is kept that was asked for with `store`; 0: none is stored, and the answer says so.',
  },
  RESPONSE_KEEP_DAYS: {
    section: 'storage',
    kind: decimal(0, 36_500),
    default: '30',
    doc: 'How long a response of `POST /v1/responses` is kept after it was last used, unless its request says `store: false`. 0: none is kept.',
  },
  UPLOAD_LIMIT_MB: {
    section: 'storage',
    kind: decimal(0.001, 10_240),
    default: '512',
    doc: 'The largest file of `POST /v1/files`, in MiB.',
  },
  FILE_KEEP_DAYS: {
    section: 'storage',
    kind: decimal(0.001, 36_500),
    doc: 'How long uploaded files are kept that do not say so themselves (`expires_after`); none: until they are deleted.',
  },
  BATCH_KEEP_DAYS: {
    section: 'storage',
    kind: decimal(0.001, 36_500),
    doc: 'How long batches that have ended are kept, from their creation on; none: for ever. Their files are kept as other files are.',
  },
  USAGE_KEEP_DAYS: {
    section: 'storage',
    kind: decimal(1, 36_500),
    default: '400',
    doc: 'How long it is known what was used (`GET /v1/usage`).',
  },
  KEY_KEEP_DAYS: {
    section: 'storage',
    kind: decimal(1, 36_500),
    default: '90',
    doc: 'How long a stored key that was revoked or has expired stays in the list, and what it uploaded; longer where its usage is still known.',
  },
  DEBUG_KEEP_DAYS: {
    section: 'storage',
    kind: decimal(0.001, 36_500),
    default: '7',
    doc: 'How long the debug logs of requests are kept that asked for one (`claude_options.debug`).',
  },
  DATABASE_URL: {
    section: 'storage',
    kind: databaseUrl,
    secret: true,
    doc: 'A Postgres that keeps keys, usage, sessions, files and batches, for more than one server; none: a database in DATA_DIR. `?schema=` names the schema of its tables (`claude_code_api`).',
  },
  DATABASE_CONNECTIONS: {
    section: 'storage',
    kind: integer(2, 200),
    default: '10',
    doc: 'How many connections to that Postgres this server opens at the most.',
  },
  DATA_KEY: {
    section: 'storage',
    kind: passphrase,
    secret: true,
    doc: 'What stored content is encrypted with; none: it is not. Who loses it loses the content. `openssl rand -base64 32` makes a good one.',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings

type ValueOf<Row> = Row extends { kind: Kind<infer T> }
  ? Row extends { repeat: number }
    ? (T | undefined)[]
    : Row extends { default: string }
      ? T
      : T | undefined
  : never

/** Every setting's parsed value. */
export type SettingValues = { [Name in SettingName]: ValueOf<(typeof settings)[Name]> }

/** The variables of a row: `PORT`, or `FALLBACK_API_URL_1` … `_5`. */
export function variablesOf(name: string, row: Setting): string[] {
  if (row.repeat === undefined) return [name]
  return Array.from({ length: row.repeat }, (_, index) => `${name}_${index + 1}`)
}

/** The flag of a variable: `LOG_LEVEL` is `--log-level`. */
export function flagOf(variable: string): string {
  return variable.toLowerCase().replaceAll('_', '-')
}
