import type { McpServerConfig } from '@anthropic-ai/claude-agent-sdk'
import * as z from 'zod'
import type { McpRequest, McpServer } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import { webRefusal } from '../permissions/web-address.ts'

export type McpOptions = {
  /** The owner's servers (`MCP_SERVERS`), which requests may name. */
  named: Readonly<Record<string, McpServer>>
  /** `ALLOW_REQUEST_MCP_COMMANDS` */
  allowCommands: boolean
  /** `ALLOW_PRIVATE_NETWORK` */
  allowPrivateNetwork: boolean
  /** Reads a file of the workspace; throws a `TurnError` for one that is missing or outside. */
  readFile: (path: string) => Promise<string>
  /** Every address of a host name; default: by the system's resolver. */
  resolve?: (host: string) => Promise<string[]>
}

/** The MCP server under which a caller's own functions are offered to the model; no other server may have this name. */
export const reservedServerName = 'client'

const param = 'claude_options.mcp_config'

const server: z.ZodType<McpServer> = z.union(
  [
    z.strictObject({
      type: z.literal('stdio').optional(),
      command: z.string().min(1),
      args: z.array(z.string()).optional(),
      env: z.record(z.string(), z.string()).optional(),
    }),
    z.strictObject({
      type: z.enum(['http', 'sse']),
      url: z.url({ protocol: /^https?$/ }),
      headers: z.record(z.string(), z.string()).optional(),
    }),
  ],
  { error: 'must be {"command", "args"?, "env"?} or {"type": "http" or "sse", "url", "headers"?}' },
)
const serverMap = z.record(z.string(), server)

/**
 * The MCP servers of a request as the SDK takes them. Throws a `TurnError`: 400 for a name or a shape that is none, 403 naming
 * the setting for what the owner does not allow. No message quotes what may be a secret.
 */
export async function resolveMcpServers(
  request: McpRequest | undefined,
  options: McpOptions,
): Promise<Record<string, McpServerConfig>> {
  if (request === undefined) return {}
  if (request.type === 'names') return namedServers(request.names, options.named)
  const servers =
    request.type === 'file' ? await fileServers(request.path, options) : request.servers
  for (const [name, entry] of Object.entries(servers)) await checkServer(name, entry, options)
  return servers
}

function namedServers(
  names: readonly string[],
  named: McpOptions['named'],
): Record<string, McpServerConfig> {
  const servers: Record<string, McpServerConfig> = {}
  names.forEach((name, index) => {
    const entry = Object.hasOwn(named, name) ? named[name] : undefined
    if (!entry) {
      const known = Object.keys(named).join(', ') || 'none'
      throw invalid(
        `${param}[${index}]`,
        `there is no MCP server ${JSON.stringify(name)} in this server's MCP_SERVERS (it has: ${known})`,
      )
    }
    servers[name] = entry
  })
  return servers
}

async function fileServers(
  path: string,
  { readFile }: McpOptions,
): Promise<Record<string, McpServer>> {
  const text = await readFile(path)
  const json = parseJson(text)
  if (json === undefined) throw invalid(param, `the file ${JSON.stringify(path)} is not JSON`)
  const outer = z.object({ mcpServers: z.unknown() }).safeParse(json.value)
  const checked = serverMap.safeParse(outer.data?.mcpServers ?? json.value)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const where = issue?.path.join('.') || 'its content'
  throw invalid(
    param,
    `in the file ${JSON.stringify(path)}, ${where} ${issue?.message ?? 'is not a map of MCP servers'}`,
  )
}

async function checkServer(name: string, entry: McpServer, options: McpOptions): Promise<void> {
  const at = `${param}.${name}`
  if (!/^[\w-]{1,64}$/.test(name) || name.includes('__')) {
    throw invalid(
      param,
      `${JSON.stringify(name)} is not a name for a server; use at most 64 letters, digits, "-" and single "_"`,
    )
  }
  if (name === reservedServerName)
    throw invalid(at, `the name ${JSON.stringify(name)} is reserved; choose another`)
  // Claude Code would put values of the server's own environment where such a text stands.
  if (JSON.stringify(entry).includes('${'))
    throw invalid(at, '"${…}" is not replaced in a request; write the value itself')
  if ('command' in entry) {
    if (options.allowCommands) return
    throw new TurnError(
      'forbidden',
      `${at}: MCP servers that start a command are not allowed in requests (ALLOW_REQUEST_MCP_COMMANDS). The owner of this server can offer them by name in MCP_SERVERS.`,
      { param: at },
    )
  }
  const refusal = await webRefusal(entry.url, options)
  if (refusal !== undefined)
    throw new TurnError('forbidden', `${at}.url: ${refusal}.`, { param: `${at}.url` })
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    // The parser's message would quote the text.
    return undefined
  }
}

function invalid(field: string, problem: string): TurnError {
  return new TurnError('invalid_value', `${field}: ${problem}.`, { param: field })
}
