import { parseArgs } from 'node:util'
import { hasKeysFlag } from '../access/has-keys.ts'
import { KeyBook, type KeyWish } from '../access/keys.ts'
import { parsePolicy } from '../access/policy.ts'
import { type ShownKey, shownKey } from '../access/shown.ts'
import { loadConfig } from '../config/load.ts'
import type { ConfigSources } from '../config/read.ts'
import { openStore } from '../storage/open-store.ts'
import { TurnError } from '../turn/error.ts'
import type { Console } from './console.ts'

const usage = `Usage:
  claude-code-api keys create NAME [--expires 30d] [--policy '{"models": ["haiku"]}']
  claude-code-api keys list
  claude-code-api keys show ID
  claude-code-api keys rotate ID
  claude-code-api keys revoke ID`

const actions = ['create', 'list', 'show', 'rotate', 'revoke'] as const
type Action = (typeof actions)[number]
type Asked = { action: Action; subject: string; expires?: string; policy?: string; rest: string[] }

/** Makes and changes API keys in the storage of this configuration, also while a server runs. Returns the exit status. */
export async function keys(
  args: string[],
  sources: ConfigSources,
  { json, console }: { json: boolean; console: Console },
): Promise<number> {
  const asked = read(args)
  if (asked === undefined) {
    console.err(usage)
    return 1
  }
  const config = loadConfig({ ...sources, args: asked.rest })
  try {
    const store = await openStore({ ...config.storage, instance: 'command' })
    try {
      const shown = await run(asked, new KeyBook(store.keys))
      // A server that starts without its storage must know.
      if (asked.action === 'create') hasKeysFlag(config.storage.dataDir).set(true)
      if (json) console.out(JSON.stringify(shown, null, 2))
      else for (const line of linesOf(asked.action, shown)) console.out(line)
    } finally {
      await store.close()
    }
    return 0
  } catch (error) {
    if (!(error instanceof TurnError)) throw error
    console.err(error.message)
    return 1
  }
}

/** The command's own words; what is left are settings. Undefined when it is no command. */
function read(args: string[]): Asked | undefined {
  const { tokens } = parseArgs({
    args,
    options: { expires: { type: 'string' }, policy: { type: 'string' } },
    strict: false,
    tokens: true,
    allowPositionals: true,
  })
  const own = new Set(['expires', 'policy'])
  const values: Record<string, string> = {}
  const used = new Set<number>()
  for (const token of tokens) {
    if (token.kind !== 'option' || !own.has(token.name) || token.value === undefined) continue
    values[token.name] = token.value
    used.add(token.index)
    if (!token.inlineValue) used.add(token.index + 1)
  }
  const [first = '', second = '', ...others] = args.filter((_, index) => !used.has(index))
  const action = actions.find((word) => word === first)
  if (action === undefined) return undefined
  if (action === 'list')
    return { action, subject: '', rest: second === '' ? [] : [second, ...others] }
  if (second === '' || second.startsWith('-')) return undefined
  return { action, subject: second, ...values, rest: others }
}

async function run(asked: Asked, book: KeyBook): Promise<ShownKey | ShownKey[]> {
  const now = Date.now()
  const { action, subject } = asked
  switch (action) {
    case 'create':
      return shownKey(await book.create(wish(asked, now)), now)
    case 'list': {
      const all = await book.list()
      return all.map((key) => shownKey(key, now))
    }
    case 'show':
      return shownKey(await book.show(subject), now)
    case 'rotate':
      return shownKey(await book.rotate(subject), now)
    case 'revoke':
      return shownKey(await book.revoke(subject), now)
  }
}

function wish({ subject, expires, policy }: Asked, now: number): KeyWish {
  return {
    name: subject,
    ...(expires !== undefined && { expiresMs: timeOf(expires, now) }),
    ...(policy !== undefined && { policy: parsePolicy(jsonOf(policy)) }),
  }
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `30d`, `12h`, `90m` from now, or a date. */
function timeOf(text: string, now: number): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const ms = count === undefined ? Date.parse(text) : now + Number(count) * (units[unit] ?? 0)
  if (ms > now) return ms
  throw new TurnError(
    'invalid_value',
    `--expires is ${JSON.stringify(text)}; it may be a time from now such as 30d, 12h or 90m, or a date to come such as 2030-01-31.`,
  )
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TurnError('invalid_value', '--policy is not JSON; it may be {"models": ["haiku"]}.')
  }
}

function linesOf(action: Action, shown: ShownKey | ShownKey[]): string[] {
  if (Array.isArray(shown)) return shown.length === 0 ? ['There are no keys.'] : shown.map(lineOf)
  if (action === 'show') return [lineOf(shown), `policy  ${JSON.stringify(shown.policy)}`]
  if (shown.key === undefined) return [lineOf(shown)]
  return [lineOf(shown), '', `  ${shown.key}`, '', 'Keep it now: it cannot be shown again.']
}

function lineOf({ id, prefix, status, expires_at: expires, name }: ShownKey): string {
  const until =
    expires === null ? 'does not expire' : `until ${new Date(expires * 1000).toISOString()}`
  return `${id}  ${prefix}…  ${status}  ${until}  ${name}`
}
