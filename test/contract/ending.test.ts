import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, conversation, drips, says, stalls } from '../scripted-anthropic/server.ts'
import { runs, Stage, type TestProcess } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

/** Reads until the first words of the answer. */
async function firstWords(process: TestProcess): Promise<void> {
  for (;;) {
    const message = await process.next()
    if (message.type === 'stream_event' && message.event.type === 'content_block_delta') return
  }
}

describe('interrupt', () => {
  let process: TestProcess
  let stoppedAt: number

  beforeAll(async () => {
    process = await stage.start()
    stage.anthropic.enqueue(drips('word ', 50))
    process.ask([{ type: 'text', text: 'Talk' }])
    await firstWords(process)
    stoppedAt = Date.now()
    await process.interrupt()
  })
  afterAll(() => process[Symbol.asyncDispose]())

  it('ends the request to the API within a second', async () => {
    const request = stage.lastRequest
    await expect.poll(() => request.closedAt).toBeDefined()
    expect((request.closedAt ?? Infinity) - stoppedAt).toBeLessThan(1_000)
  })

  it('ends the turn with a result that says so, and without its usage', async () => {
    const result = await process.result()
    expect(result).toMatchObject({
      subtype: 'error_during_execution',
      terminal_reason: 'aborted_streaming',
    })
    expect(result.usage).toMatchObject({ input_tokens: 0, output_tokens: 0 })
  })

  it('leaves a process that goes on', async () => {
    stage.anthropic.enqueue(says('Here I am.'))
    expect((await process.answered('Still there?')).text).toBe('Here I am.')
    expect(conversation(stage.lastRequest)[0]).toEqual({
      role: 'user',
      content: [{ type: 'text', text: 'Talk' }],
    })
  })
})

describe('close', () => {
  it('ends an idle process of itself, with exit code 0', async () => {
    const process = await stage.start()
    await process.turn('Hello')
    const exited = exitOf(process)
    process.close()
    expect(await exited).toEqual([0, null])
  })
})

describe('abandon', () => {
  it('ends a process in the middle of an answer within 3 s, and its request', async () => {
    const process = await stage.start()
    stage.anthropic.enqueue(drips('word ', 50))
    process.ask([{ type: 'text', text: 'Talk' }])
    await firstWords(process)
    await abandonedWithin(3_000, process)
    await expect.poll(() => stage.lastRequest.closedAt).toBeDefined()
  })

  it('ends a process that waits for the API within 3 s', async () => {
    const process = await stage.start()
    stage.anthropic.enqueue(stalls())
    const before = stage.anthropic.requests.length
    process.ask([{ type: 'text', text: 'Talk' }])
    await expect.poll(() => stage.anthropic.requests.length, { timeout: 10_000 }).toBe(before + 1)
    await abandonedWithin(3_000, process)
  })

  it('ends a command that a tool runs along with its process, within 3 s', async () => {
    const process = await stage.start({
      options: {
        tools: ['Bash'],
        canUseTool: async (_, input) => ({ behavior: 'allow', updatedInput: input }),
      },
    })
    const command = 'echo $$ > pid; sleep 300'
    stage.anthropic.enqueue(
      callsTools([{ name: 'Bash', input: { command, description: 'Waits' } }]),
    )
    process.ask([{ type: 'text', text: 'Wait' }])
    const pid = await writtenPid(process)
    expect(await runs(pid)).toBe(true)
    await abandonedWithin(3_000, process)
    expect(await runs(pid)).toBe(false)
  })
})

describe('a server that is killed with SIGKILL', () => {
  let victim: ChildProcess | undefined
  afterAll(() => victim?.kill('SIGKILL'))

  it('leaves neither a process in a turn nor one that waits, 3 s later', async () => {
    stage.anthropic.respond = () => drips('word ', 50)
    const script = fileURLToPath(new URL('victim.ts', import.meta.url))
    victim = spawn(process.execPath, ['--import', 'tsx', script], {
      env: { ...stage.environment(), CLAUDE: stage.claude.path, FOLDER: stage.folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (!victim.stdout) throw new Error('The victim has no output.')
    const [line] = await once(createInterface({ input: victim.stdout }), 'line')
    const pids: number[] = JSON.parse(String(line))
    expect(pids).toHaveLength(2)
    for (const pid of pids) expect(await runs(pid)).toBe(true)
    victim.kill('SIGKILL')
    const ended = async () => (await Promise.all(pids.map(runs))).some(Boolean)
    await expect.poll(ended, { timeout: 3_000, interval: 100 }).toBe(false)
    await expect.poll(() => stage.lastRequest.closedAt).toBeDefined()
  })
})

/** The id that the tool's command wrote to the working folder, once it runs; the turn is read on meanwhile. */
async function writtenPid(process: TestProcess): Promise<number> {
  // What the process says until it is ended is of no interest, its end neither.
  process.result().catch(() => undefined)
  let pid = 0
  const read = async () => {
    pid = Number(await readFile(join(stage.folder, 'pid'), 'utf8').catch(() => 0))
    return pid
  }
  await expect.poll(read, { timeout: 10_000 }).toBeGreaterThan(0)
  return pid
}

async function exitOf(process: TestProcess): Promise<unknown[]> {
  const { child } = process
  if (!child) throw new Error('The process was not started.')
  return once(child, 'exit')
}

async function abandonedWithin(ms: number, process: TestProcess): Promise<void> {
  const exited = exitOf(process).then(() => 'ended')
  await process.abandon()
  expect(await Promise.race([exited, sleep(ms, 'still there', { ref: false })])).toBe('ended')
}
