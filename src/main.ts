#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StartServer } from './cli/batch/reach-server.ts'
import { processConsole as console } from './cli/console.ts'
import { ConfigError } from './config/config-error.ts'
import { processEnvironment } from './config/env.ts'

process.exitCode = await main(process.argv.slice(2))

/** Runs one command and returns the exit status. Parts load only for the command that needs them. */
async function main(args: string[]): Promise<number> {
  const [first = ''] = args
  const command = first === '' || first.startsWith('-') ? 'serve' : first
  const rest = command === first ? args.slice(1) : args
  if (rest.includes('--help') || rest.includes('-h') || command === 'help') {
    const { helpText } = await import('./cli/help.ts')
    console.out(helpText())
    return 0
  }
  if (rest.includes('--version') || rest.includes('-v')) {
    console.out(version())
    return 0
  }
  try {
    return await run(command, rest)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.err(error.message)
    return 1
  }
}

async function run(command: string, args: string[]): Promise<number> {
  const sources = { env: processEnvironment(), file: join(process.cwd(), '.env') }
  const json = args.includes('--json')
  const flags = args.filter((arg) => arg !== '--json')
  switch (command) {
    case 'serve': {
      const { serve } = await import('./cli/serve.ts')
      const { startServer } = await import('./server.ts')
      return serve({ ...sources, args }, { console, startServer })
    }
    case 'doctor': {
      const { doctor } = await import('./cli/doctor.ts')
      return doctor({ ...sources, args: flags }, { json, console })
    }
    case 'config': {
      const { showConfig } = await import('./cli/show-config.ts')
      return showConfig({ ...sources, args: flags }, { json, console })
    }
    case 'cache': {
      const { cache } = await import('./cli/cache.ts')
      const [first = 'show'] = flags
      const action = first.startsWith('-') ? 'show' : first
      const rest = first === action ? flags.slice(1) : flags
      return cache(action, { ...sources, args: rest }, { json, console })
    }
    case 'migrate': {
      const { migrate } = await import('./cli/storage-commands.ts')
      return migrate({ ...sources, args }, console)
    }
    case 'backup':
    case 'restore': {
      const { backup, restore } = await import('./cli/storage-commands.ts')
      const force = args.includes('--force')
      const [file, ...rest] = args.filter((arg) => arg !== '--force')
      const named = file?.startsWith('-') ? undefined : file
      const from = { ...sources, args: named === undefined ? args : rest }
      return command === 'backup'
        ? backup(named, from, console)
        : restore(named, from, { console, force })
    }
    case 'keys': {
      const { keys } = await import('./cli/keys.ts')
      return keys(flags, sources, { json, console })
    }
    case 'batch': {
      const { batch } = await import('./cli/batch/batch-run.ts')
      return batch(args, sources, { console, startServer: startOwnServer })
    }
    case 'map': {
      const { map } = await import('./cli/map/map.ts')
      const parts = { console, startServer: startOwnServer, folder: process.cwd() }
      return map(args, sources, parts)
    }
    default:
      console.err(`\`${command}\` is not a command; \`--help\` lists them`)
      return 1
  }
}

/** For commands that start a server only where none runs: it takes time to load. */
async function startOwnServer(...[config, log]: Parameters<StartServer>): ReturnType<StartServer> {
  const { startServer } = await import('./server.ts')
  return startServer(config, log)
}

function version(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const content: unknown = JSON.parse(file)
  return typeof content === 'object' && content !== null && 'version' in content
    ? String(content.version)
    : 'unknown'
}
