import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { HttpParts, Readiness } from '../parts.ts'
import type { RequestRecords } from '../request-records.ts'

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #222; background: #fff }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto; border-radius: 6px }
code { font: 14px/1.4 ui-monospace, monospace }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } pre { background: #262626 } }
`

/** GET /: a short page for a person, or the same as JSON when that is asked for. */
export function mountHome(
  app: FastifyInstance,
  {
    records,
    readiness,
    routes,
  }: Pick<HttpParts, 'readiness'> & {
    records: RequestRecords
    routes: Readonly<Record<string, string>>
  },
): void {
  const endpoints = endpointsOf(routes)
  const styleHash = createHash('sha256').update(style).digest('base64')
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  app.get('/', async (request, reply) => {
    const url = baseUrl(request)
    // Whoever sees this without one needs none.
    const needsKey = records.of(request).owner !== 'anonymous'
    void reply.header('vary', 'Accept').header('x-content-type-options', 'nosniff')
    if (!wantsPage(request.headers.accept)) {
      return reply.send({ name: 'claude-code-api', base_url: url, endpoints })
    }
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', policy)
      .send(page(url, { needsKey, readiness: await readiness(), endpoints }))
  })
}

/** A line for each method and path: what most come for first, what is about the server last. */
function endpointsOf(routes: Readonly<Record<string, string>>): string[] {
  const lines = Object.entries(routes).flatMap(([path, methods]) => {
    const shown = path.replace('*', '{id}').replace(/:(\w+)/g, '{$1}')
    return path === '/' ? [] : methods.split(', ').map((method) => `${method} ${shown}`)
  })
  return lines.toSorted((one, other) => rank(one) - rank(other))
}

function rank(line: string): number {
  if (line.endsWith(' /v1/chat/completions')) return 0
  return line.includes(' /v1/') ? 1 : 2
}

function baseUrl(request: FastifyRequest): string {
  return `${request.protocol}://${request.headers.host ?? 'localhost'}/v1`
}

/** JSON when it is asked for by name, unless HTML is as well. */
function wantsPage(accept = '*/*'): boolean {
  return accept.includes('text/html') || !accept.includes('json')
}

function page(
  url: string,
  {
    needsKey,
    readiness,
    endpoints,
  }: { needsKey: boolean; readiness: Readiness; endpoints: readonly string[] },
): string {
  const key = needsKey ? 'YOUR_API_KEY' : 'none needed'
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>claude-code-api</title><style>${style}</style></head>
<body>
<h1>claude-code-api</h1>
<p>An OpenAI-compatible API in front of the Claude Code CLI. Point any OpenAI client at</p>
<pre><code>base URL: ${escapeHtml(url)}
API key:  ${key}</code></pre>
<p>In Python, for example:</p>
<pre><code>from openai import OpenAI

client = OpenAI(base_url="${escapeHtml(url)}", api_key="${needsKey ? 'YOUR_API_KEY' : 'none'}")
answer = client.chat.completions.create(
    model="claude-code",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)</code></pre>
${providersOf(readiness)}<p>Endpoints:</p>
<pre><code>${endpoints.map(escapeHtml).join('\n')}</code></pre>
</body>
</html>
`
}

/** Who answers and how each is, in words. */
function providersOf({ providers = [], endpoints = [] }: Readiness): string {
  if (providers.length === 0) return ''
  const lines = [...providers, ...endpoints].map(({ name, state, code, until }) =>
    [name, words[state] ?? state, code && `(${code})`, until && `until ${until}`]
      .filter(Boolean)
      .join(' '),
  )
  return `<p>Who answers, in order:</p>
<pre><code>${lines.map(escapeHtml).join('\n')}</code></pre>
`
}

const words: Readonly<Record<string, string>> = {
  closed: 'is asked',
  open: 'failed and rests',
  paused: 'asked for a pause',
  'half-open': 'has rested and is tried next',
  probing: 'is being tried',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
