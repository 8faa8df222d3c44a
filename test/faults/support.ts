import { expect } from 'vitest'
import type OpenAI from 'openai'
import { ask, askStream, type Asking, contentOf, hello, until } from '../api/server/support.ts'
import {
  callsTools,
  says,
  type ScriptedAnthropic,
  type Step,
} from '../scripted-anthropic/server.ts'
import { processesWith, type RunningProcess } from '../support/leaks.ts'
import type { TestServer } from '../support/server.ts'

/** How long something that must happen may take on a machine that has other work. */
const patienceMs = 20_000

/** Waits until something holds; helpers of tests that run at the same time have no `expect.poll`. */
export function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  return until(what, holds, patienceMs)
}

/** Waits until what is looked for is there no more. */
export function expectNone(what: string, find: () => Promise<RunningProcess[]>): Promise<void> {
  return eventually(`no ${what} is left`, async () => (await find()).length === 0)
}

type Well = Pick<TestServer, 'url' | 'client' | 'anthropic'>

export type Capacity = { running: number; limit: number; queued: number }

export async function capacityOf({ url }: Pick<TestServer, 'url'>): Promise<Capacity> {
  const response = await fetch(`${url}/ready`)
  const { capacity } = (await response.json()) as { capacity: Capacity }
  return capacity
}

/** Waits until no turn runs and none waits. */
export async function expectIdle(server: Well): Promise<void> {
  await eventually('no turn runs or waits', async () => {
    const { running, queued } = await capacityOf(server)
    return running === 0 && queued === 0
  })
}

let questions = 0

/** Looks at what one fault leaves behind, from here on. */
export function watch(server: Well): Watch {
  return new Watch(server)
}

export class Watch {
  readonly #server: Well
  readonly #before: number

  constructor(server: Well) {
    this.#server = server
    this.#before = server.anthropic.requests.length
  }

  /** How often the model has been asked. */
  get asked(): number {
    return this.#server.anthropic.requests.length - this.#before
  }

  /** Waits until the model has been asked so many times. */
  async untilAsked(times = 1): Promise<void> {
    await eventually(`the model was asked ${times} times`, () => this.asked >= times)
  }

  /** Nothing hangs, nothing was asked twice, and the next request works. */
  async expectWell(asked: number): Promise<void> {
    await expectIdle(this.#server)
    expect(this.asked).toBe(asked)
    const question = `Are you well, for the ${++questions}. time?`
    const answer = `I am well for the ${questions}. time.`
    this.#server.anthropic.respond = () => says(answer)
    const messages = [{ role: 'user' as const, content: question }]
    expect((await ask(this.#server.client, { messages })).text).toBe(answer)
    expect(this.asked).toBe(asked + 1)
    await expectIdle(this.#server)
  }
}

/** The model answers so from now on, whoever asks. */
export function models({ anthropic }: { anthropic: ScriptedAnthropic }, step: Step): void {
  anthropic.respond = () => step
}

/** A stream that has begun: its first words are here; `rest` resolves to the error that ended it, or to nothing. */
export async function begunStream(
  client: OpenAI,
  request: Asking = {},
): Promise<{ rest: Promise<unknown>; leave: () => void }> {
  const { chunks, controller } = await askStream(client, request)
  const iterator = chunks[Symbol.asyncIterator]()
  for (let text = ''; text === '';) text = contentOf((await iterator.next()).value)
  return { rest: errorOf(iterator), leave: () => controller.abort() }
}

async function errorOf(iterator: AsyncIterator<unknown>): Promise<unknown> {
  try {
    for (let step = await iterator.next(); !step.done;) step = await iterator.next()
    return undefined
  } catch (error) {
    return error
  }
}

/** What a request must have whose model runs a command. */
export const runsCommands: Asking = { messages: hello, claude_options: { tools: ['Bash'] } }

/** The model runs a command, and says `Done.` when it has its result. */
export function runs(server: Well, command: string): void {
  const use = callsTools([{ name: 'Bash', input: { command, description: 'Waits' } }])
  server.anthropic.enqueue(use)
  models(server, says('Done.'))
}

/** The processes with this configuration folder whose command line has these words, shells around them included. */
export async function commandsWith(configDir: string, words: string): Promise<RunningProcess[]> {
  const all = await processesWith(`CLAUDE_CONFIG_DIR=${configDir}`)
  return all.filter(({ command }) => command.includes(words))
}

/** The binary's own processes. */
export async function claudes(server: Pick<TestServer, 'processes'>): Promise<RunningProcess[]> {
  return (await server.processes()).filter(({ command }) => command.includes('stream-json'))
}

export function signal(processes: readonly RunningProcess[], name: NodeJS.Signals): void {
  expect(processes.length).toBeGreaterThan(0)
  for (const { pid } of processes) process.kill(pid, name)
}
