import { request } from 'undici'
import { loadConfig } from '../config/load.ts'
import type { ConfigSources } from '../config/read.ts'
import type { Console } from './console.ts'
import { reachableUrl } from './reachable-url.ts'

/** What to do with the cache of the running server. */
const actions = { show: 'GET', clear: 'DELETE' } as const

/** Long enough for a server that is busy, in milliseconds. */
const patienceMs = 5_000

/**
 * `cache` or `cache show` prints what the running server keeps for this configuration's key, `cache clear` forgets it. Returns the exit
 * status: 1 when the server does not answer, or not so.
 */
export async function cache(
  action: string,
  sources: ConfigSources,
  options: { json: boolean; console: Console },
): Promise<number> {
  const { console, json } = options
  if (action !== 'show' && action !== 'clear') {
    console.err(`\`cache ${action}\` is not a command; there is \`cache show\` and \`cache clear\``)
    return 1
  }
  const { host, port, apiKey } = loadConfig(sources).http
  const answered = await ask(`${reachableUrl(host, port)}/v1/cache`, actions[action], apiKey)
  if ('problem' in answered) {
    console.err(`${answered.problem}; is the server running, with the same HOST, PORT and API_KEY?`)
    return 1
  }
  if (json) console.out(JSON.stringify(answered.body, null, 2))
  else for (const line of linesOf(action, answered.body)) console.out(line)
  return 0
}

type Body = Record<string, unknown>

async function ask(
  url: string,
  method: 'GET' | 'DELETE',
  apiKey: string | undefined,
): Promise<{ body: Body } | { problem: string }> {
  try {
    const response = await request(url, {
      method,
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(patienceMs),
    })
    const body = (await response.body.json()) as Body
    return response.statusCode === 200
      ? { body }
      : { problem: `${url} answered with status ${response.statusCode}` }
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error ? String(error.code) : 'no answer that can be read'
    return { problem: `${url} does not answer (${reason})` }
  }
}

function linesOf(action: string, body: Body): string[] {
  if (action === 'clear') return [`${String(body.deleted)} entries forgotten`]
  const data = Array.isArray(body.data) ? (body.data as Body[]) : []
  return [
    `${String(body.entries)} entries, ${String(body.bytes)} bytes; ${String(body.hits)} hits, ${String(body.misses)} misses, ${String(body.shared)} shared; ${String(body.saved_tokens)} tokens saved`,
    ...data.map(
      ({ key, provider, model, age, hits }) =>
        `${String(key)}  ${String(provider)}  ${String(model)}  ${String(age)} s old  ${String(hits)} hits`,
    ),
  ]
}
