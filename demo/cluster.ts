/**
 * Shows several servers at work as one, with no account and no internet: three nodes that share nothing but a Postgres, a small load
 * balancer before them, the real claude binary behind each, and a scripted Messages API in the model's place. One node is killed in the
 * middle of a batch. Ends what it started; exit status 0 when everything held.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import OpenAI from 'openai'
import { until } from '../test/api/server/support.ts'
import {
  type ScriptedAnthropic,
  startScriptedAnthropic,
} from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { leftOver, processesWith } from '../test/support/leaks.ts'
import { postgresPrograms } from '../test/support/postgres.ts'
import { startBalancer } from './balancer.ts'
import { startBuiltServer } from './built-server.ts'
import { batchAndLoss } from './cluster-batch.ts'
import { openDemoPostgres } from './cluster-postgres.ts'
import { type ClusterNode, functionCall, revokedKey, sessionOfAll } from './cluster-steps.ts'
import { check, runDemo, tell } from './run-demo.ts'

const names = ['node 1', 'node 2', 'node 3']
const apiKey = 'dummy-key-of-the-demonstration'
const adminKey = 'dummy-admin-key-of-the-demonstration'
/** How long one request may take, in milliseconds; a cold machine needs a few seconds. */
const requestMs = 60_000
const readyMs = 60_000

async function demonstrate(interrupted: Promise<never>): Promise<void> {
  introduce()
  await using folder = await temporaryFolder()
  await using postgres = await openDemoPostgres(
    process.env['DATABASE_URL'],
    postgresPrograms !== undefined,
  )
  tell(`Postgres:           ${postgres.whose}`)
  await using anthropic = await startScriptedAnthropic()
  const workspace = join(folder.path, 'workspace')
  await mkdir(workspace)
  const shared = { DATABASE_URL: postgres.url, WORKSPACE_ROOTS: workspace }
  // All at once: one of them makes the tables, the others wait for it.
  const starting = names.map((name) => startNode(name, folder.path, anthropic, shared))
  await using cluster = await allOrNone(starting)
  const { nodes } = cluster
  for (const { name, url } of nodes) tell(`${name}:             ${url}`)
  await using balancer = await startBalancer(nodes)
  tell(`The load balancer:  ${balancer.url}`)
  const allReady = (): boolean => balancer.ready().length === nodes.length
  await Promise.race([until('all nodes are ready', allReady, readyMs), interrupted])
  const baseURL = `${balancer.url}/v1`
  const client = new OpenAI({ baseURL, apiKey, timeout: requestMs })
  const stage = { client, apiKey, anthropic, workspace, nodes, balancer }
  for (const step of [functionCall, sessionOfAll, revokedKey, batchAndLoss]) {
    tell()
    await Promise.race([step(stage), interrupted])
  }
  tell()
  await Promise.all(nodes.map((node) => node.stop()))
  const left = await leftOver(() => processesWith(folder.path))
  check(left.length === 0, `Processes were left behind: ${JSON.stringify(left)}`)
  tell('The others were asked to end, and did. No process is left, of the killed node neither.')
  tell('The demonstration worked.')
}

function introduce(): void {
  tell('Several servers as one: a demonstration')
  tell()
  tell('Real:     three servers, each a process with folders of its own; Postgres; the claude')
  tell('          binary behind each; the official OpenAI client.')
  tell(
    "Scripted: the model. A stand-in for Anthropic's API on this machine says what is written in",
  )
  tell('          this demonstration. No account is used, and nothing leaves this machine.')
  tell('Small:    the load balancer, demo/balancer.ts: in turn, without stickiness, by /ready.')
  tell()
}

/** One server as it would run on a machine of its own. */
async function startNode(
  name: string,
  folder: string,
  anthropic: ScriptedAnthropic,
  shared: Record<string, string>,
): Promise<ClusterNode> {
  const own = join(folder, name.replace(' ', '-'))
  const claudeFolder = join(own, 'claude')
  await mkdir(claudeFolder, { recursive: true })
  const server = await startBuiltServer(
    {
      ...claudeEnvironment(anthropic.url, claudeFolder),
      ...shared,
      DATA_DIR: join(own, 'data'),
      API_KEY: apiKey,
      ADMIN_KEY: adminKey,
      MAX_TURNS: '3',
      BATCH_CONCURRENCY: '2',
      WAITING_PROCESSES: '1',
      WAITING_PROCESSES_MAX: '1',
      CLAUDE_CODE_MAX_RETRIES: '0',
    },
    own,
  )
  const direct = (key: string): OpenAI =>
    new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0, timeout: requestMs })
  return { name, ...server, clientWith: direct, admin: direct(adminKey) }
}

/** The nodes, which end together; none where one did not start. */
async function allOrNone(
  starting: readonly Promise<ClusterNode>[],
): Promise<AsyncDisposable & { nodes: ClusterNode[] }> {
  const started = await Promise.allSettled(starting)
  const nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())))
  const failed = started.find((result) => result.status === 'rejected')
  if (failed === undefined) return { nodes, [Symbol.asyncDispose]: stop }
  await stop()
  throw failed.reason
}

await runDemo(demonstrate)
