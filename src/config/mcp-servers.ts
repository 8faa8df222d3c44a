import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { path } from './kinds.ts'

const server = z.union(
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

const servers = z.record(z.string().regex(/^[\w-]{1,64}$/, { error: 'is not a name' }), server)

/** One MCP server in Claude Code's own format (`.mcp.json`). */
export type McpServerSetting = z.infer<typeof server>

/** The servers, or what is wrong; a problem never quotes the text, which may hold secrets. */
export type McpServersReading = { servers: Record<string, McpServerSetting>; problems: string[] }

/** Reads `MCP_SERVERS`: JSON, or the path of a JSON file, with or without an outer `mcpServers`. */
export function readMcpServers(value: string | undefined): McpServersReading {
  if (value === undefined) return { servers: {}, problems: [] }
  const isJson = value.startsWith('{')
  const what = isJson ? 'MCP_SERVERS' : 'the file that MCP_SERVERS names'
  const json = isJson ? value : readFile(value)
  if (json === undefined)
    return wrong(`${what} could not be read; it may be JSON or the path of a JSON file`)
  const parsed = parseJson(json)
  if (parsed === undefined)
    return wrong(`${what} is not JSON; it may be {"name": {"command": "…"}}`)
  const inner = z.looseObject({ mcpServers: z.unknown() }).safeParse(parsed.value)
  const checked = servers.safeParse(inner.data?.mcpServers ?? parsed.value)
  if (checked.success) return { servers: checked.data, problems: [] }
  return wrong(
    ...checked.error.issues.map(
      (issue) => `${what}: ${issue.path.join('.') || 'it'}: ${issue.message}`,
    ),
  )
}

function wrong(...problems: string[]): McpServersReading {
  return { servers: {}, problems }
}

function readFile(file: string): string | undefined {
  try {
    return readFileSync(path.parse(file) ?? file, 'utf8')
  } catch {
    // The problem that the caller reports says all that helps.
    return undefined
  }
}

function parseJson(json: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(json) }
  } catch {
    // The parser's message would quote the text.
    return undefined
  }
}
