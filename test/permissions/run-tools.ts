import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Options, query, type SDKUserMessage } from '@anthropic-ai/claude-agent-sdk'
import {
  planPermissions,
  type ToolPlace,
  type ToolPolicy,
} from '../../src/engine/permissions/plan.ts'
import { defaultClaudeOptions, type ClaudeOptions } from '../../src/turn/claude-options.ts'
import {
  callsTools,
  type RecordedRequest,
  says,
  startScriptedAnthropic,
  type Step,
} from '../scripted-anthropic/server.ts'

export type Use = { name: string; input: Record<string, unknown> }

export type ToolRun = {
  /** What the model was told of each use, in order. */
  results: string[]
  /** The tools that the model was offered in its first request. */
  offered: string[]
  /** The tools of the session by `system/init`. */
  tools: string[]
  requests: RecordedRequest[]
  /** The arguments of the child. */
  commandLine: string[]
}

export type RunOptions = {
  place: ToolPlace
  claude?: Partial<ClaudeOptions>
  policy?: Partial<ToolPolicy>
  /** SDK options over the plan's. */
  options?: Options
  environment?: Record<string, string>
  /** Decides the answers instead of one use after another. */
  respond?: (request: RecordedRequest) => Step
}

export const freePolicy: ToolPolicy = {
  allowAutoPermissions: true,
  sandbox: 'off',
  allowPrivateNetwork: false,
}

export function bash(command: string): Use {
  return { name: 'Bash', input: { command, description: 'a test' } }
}

/** A fresh folder, links resolved, and how to remove it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'permissions-')))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Runs the real claude binary with a permission plan, a scripted model uses the tools one after another. */
export async function runTools(uses: readonly Use[], run: RunOptions): Promise<ToolRun> {
  const config = await temporaryFolder()
  await using server = await startScriptedAnthropic()
  const waiting = uses.map((use, index) => callsTools([{ id: useId(index), ...use }]))
  server.respond = run.respond ?? (() => waiting.shift() ?? says('Done.'))
  const plan = planPermissions(
    { ...defaultClaudeOptions, ...run.claude },
    { ...freePolicy, ...run.policy },
    run.place,
  )
  const commandLine: string[] = []
  const session = query({
    prompt: question(),
    options: {
      cwd: run.place.cwd,
      settingSources: run.claude?.projectSettings ? ['project'] : [],
      strictMcpConfig: true,
      verbatimPrompts: true,
      mcpServersDelivery: 'initialize',
      env: { ...environment(server.url, config.path), ...run.environment },
      stderr: () => {},
      ...(run.claude?.agents && { agents: run.claude.agents }),
      ...plan.options,
      ...run.options,
    },
  })
  let tools: string[] = []
  try {
    for await (const message of session) {
      if (message.type === 'system' && message.subtype === 'init') {
        tools = message.tools
        commandLine.push(...(await argumentsOfChildren(config.path)))
      }
      if (message.type === 'result') break
    }
  } finally {
    session.close()
  }
  const results = toolResults(server.requests)
  await config.remove().catch(() => {})
  return {
    results: uses.map((_, index) => results.get(useId(index)) ?? ''),
    offered: (server.requests[0]?.body.tools ?? []).map(({ name }) => name),
    tools,
    requests: server.requests,
    commandLine,
  }
}

/** The results of tool uses by their id, from all that the model was sent. */
export function toolResults(requests: readonly RecordedRequest[]): Map<string, string> {
  const results = new Map<string, string>()
  for (const { body } of requests) {
    for (const { content } of body.messages) {
      if (typeof content === 'string') continue
      for (const block of content) {
        if (block.type !== 'tool_result') continue
        results.set(
          String(block.tool_use_id),
          typeof block.content === 'string' ? block.content : JSON.stringify(block.content),
        )
      }
    }
  }
  return results
}

function useId(index: number): string {
  return `toolu_test_${index}`
}

async function* question(): AsyncGenerator<SDKUserMessage> {
  yield { type: 'user', message: { role: 'user', content: 'Go.' }, parent_tool_use_id: null }
  // The input stays open, so that hooks and questions can be answered; the query's end closes it.
  await new Promise(() => {})
}

function environment(url: string, config: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'scripted-key',
    CLAUDE_CONFIG_DIR: config,
    CLAUDE_CODE_TMPDIR: config,
    CLAUDE_CODE_MAX_RETRIES: '0',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
    DISABLE_AUTOUPDATER: '1',
  }
}

/** The command lines of the processes that run with this configuration folder (Linux). */
async function argumentsOfChildren(config: string): Promise<string[]> {
  if (process.platform !== 'linux') return []
  const { readdir, readFile } = await import('node:fs/promises')
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [variables, words] = await Promise.all([
      readFile(`/proc/${pid}/environ`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]).catch(
      // Ended in the meantime, or another's.
      () => ['', ''] as const,
    )
    if (variables.includes(`CLAUDE_CONFIG_DIR=${config}`)) found.push(words.replaceAll('\0', ' '))
  }
  return found
}
