import { ConfigError } from '../config/config-error.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { ConfigSources } from '../config/read.ts'
import { failure, ok, type Finding } from './checks/check.ts'
import { checkClaude } from './checks/claude.ts'
import { checkFallbacks } from './checks/fallbacks.ts'
import { checkDataFolder, checkWorkspaces } from './checks/folders.ts'
import { checkLogin } from './checks/login.ts'
import { checkNode } from './checks/node.ts'
import { checkPort } from './checks/port.ts'
import { checkSandbox } from './checks/sandbox.ts'
import { checkStorage } from './checks/storage.ts'
import type { Console } from './console.ts'

/** Looks whether the server could serve here. Returns the exit status: 1 when it could not. */
export async function doctor(
  sources: ConfigSources,
  options: { json: boolean; console: Console },
): Promise<number> {
  const findings = await examine(sources)
  const canServe = findings.every((finding) => finding.status !== 'failure')
  if (options.json) {
    options.console.out(JSON.stringify({ ok: canServe, findings }, null, 2))
  } else {
    for (const finding of findings) options.console.out(line(finding))
    options.console.out(canServe ? '\nThe server can serve.' : '\nThe server could not serve.')
  }
  return canServe ? 0 : 1
}

async function examine(sources: ConfigSources): Promise<Finding[]> {
  const node = checkNode(process.versions.node)
  let config: Config
  try {
    config = loadConfig(sources)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const advice =
      'Correct it in `.env`, the environment or the flags; docs/configuration.md has every setting.'
    return [node, ...error.problems.map((problem) => failure('configuration', problem, advice))]
  }
  const { environment } = config.engine
  return [
    node,
    ok('configuration', 'every setting is valid'),
    await checkClaude(config.engine.claudePath),
    checkLogin({
      environment,
      platform: process.platform,
      hasFallback: config.fallbacks.length > 0,
    }),
    await checkPort(config.http.host, config.http.port),
    ...(await checkFallbacks(config.fallbacks)),
    checkSandbox({
      sandbox: config.engine.sandbox,
      platform: process.platform,
      searchPath: environment['PATH'] ?? '',
    }),
    ...checkWorkspaces(config.engine.workspaceRoots),
    checkDataFolder(config.engine.dataDir),
    await checkStorage(config.storage),
  ]
}

const marks = { ok: 'ok     ', warning: 'warning', failure: 'FAILURE' } as const

function line(finding: Finding): string {
  const first = `${marks[finding.status]}  ${finding.check.padEnd(13)}  ${finding.message}`
  return finding.advice === undefined ? first : `${first}\n${' '.repeat(24)}→ ${finding.advice}`
}
