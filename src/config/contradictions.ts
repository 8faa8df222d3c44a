import { secretVariables } from './secrets.ts'
import type { SettingValues } from './schema.ts'

/** Settings that are each allowed but not together, one sentence each. */
export function contradictions(values: SettingValues): string[] {
  const problems: string[] = []
  if (values.API_KEY === undefined && !isLoopback(values.HOST)) {
    problems.push(
      `HOST is "${values.HOST}", which other machines can reach, but API_KEY is not set; set API_KEY, or HOST to 127.0.0.1`,
    )
  }
  if (values.API_KEY === undefined && values.CORS_ORIGINS?.includes('*') === true) {
    problems.push(
      'CORS_ORIGINS is "*", which lets every web page in, but API_KEY is not set; set API_KEY, or name the origins',
    )
  }
  if (values.ADMIN_KEY !== undefined && values.ADMIN_KEY === values.API_KEY) {
    problems.push(
      'ADMIN_KEY and API_KEY are the same, so that every client could make keys; set ADMIN_KEY to another',
    )
  }
  if (values.WEBHOOK_HOSTS !== undefined && values.WEBHOOK_SECRET === undefined) {
    problems.push(
      'WEBHOOK_HOSTS is set but WEBHOOK_SECRET is not, so that nobody could tell who sent a webhook; set WEBHOOK_SECRET to `whsec_` and the output of `openssl rand -base64 32`',
    )
  }
  for (const name of values.PASS_ENV ?? []) {
    if (!secretVariables.has(name)) continue
    problems.push(
      `PASS_ENV names ${name}, a secret of this server that never goes to Claude Code; leave it out`,
    )
  }
  return problems
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return /^(localhost|::1|127(\.\d{1,3}){3})$/i.test(host)
}
