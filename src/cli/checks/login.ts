import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { failure, ok, warning, type Finding } from './check.ts'

const keys = ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN']
const clouds = ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_USE_FOUNDRY']

const advice =
  'Log in with `claude` (then `/login`), or set ANTHROPIC_API_KEY, or configure Bedrock, Vertex or Foundry.'

/** Whether Claude Code has something to log in with: looks only whether it is there, never at what it is. */
export function checkLogin(options: {
  environment: Readonly<Record<string, string>>
  platform: string
  /** With a fallback the server can serve without a login. */
  hasFallback: boolean
}): Finding {
  const { environment } = options
  const variable = [...keys, ...clouds].find((name) => (environment[name] ?? '') !== '')
  if (variable !== undefined) return ok('login', `${variable} is set`)
  const folder = environment['CLAUDE_CONFIG_DIR'] ?? join(homedir(), '.claude')
  if (existsSync(join(folder, '.credentials.json'))) {
    return ok('login', `there is a Claude Code login in ${folder}`)
  }
  if (options.platform === 'darwin') {
    return warning(
      'login',
      'no key or login found; the keychain, which is not read, may hold one',
      advice,
    )
  }
  return options.hasFallback
    ? warning('login', 'no key or login found; only the fallbacks can answer', advice)
    : failure('login', 'no key or login found', advice)
}
