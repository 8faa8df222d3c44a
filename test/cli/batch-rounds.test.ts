import { describe, expect, it } from 'vitest'
import { asking, jsonLines } from '../batches/support.ts'
import { startDesk } from './jobs.ts'
import { startScriptedBatches } from './scripted-batches.ts'

const lines = jsonLines(['a', 'b', 'c'].map((id) => asking(id)))

/** A folder with `in.jsonl`, a scripted server, and the command that gives it to that. */
async function startScene() {
  const desk = await startDesk()
  const server = await startScriptedBatches()
  await desk.write('in.jsonl', lines)
  const args = ['batch', 'run', 'in.jsonl', '-o', 'out.jsonl', '--url', server.url]
  return {
    desk,
    server,
    run: (...more: string[]) => desk.run([...args, ...more]),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await desk[Symbol.asyncDispose]()
    },
  }
}

describe('`batch run` at any server of batches', { timeout: 120_000 }, () => {
  it('goes on with the lines that a batch had no time for, and with a server that was away', async () => {
    await using scene = await startScene()
    const { desk, server, run } = scene
    server.failing = 2
    server.end = ({ id }) =>
      id === 'batch-1'
        ? { status: 'expired', answered: (line) => line === 'b' }
        : { status: 'completed' }
    const { status, err } = await run()
    expect({ status, err }).toMatchObject({ status: 0 })
    expect(err).toContain('Away for a moment.')
    expect(err).toContain('The server answers again.')
    expect(err).toContain('3 of 3 answered')
    const [first, second] = server.batches
    expect(second?.lines.map(({ custom_id: id }) => id)).toEqual(['a', 'c'])
    expect(second?.metadata).toMatchObject({
      claude_code_api_round: '2',
      claude_code_api_run: first?.metadata['claude_code_api_run'],
    })
    const written = await desk.lines<{ custom_id: string }>('out.jsonl')
    expect(written.map(({ custom_id: id }) => id)).toEqual(['a', 'b', 'c'])

    expect(await run('--fresh')).toMatchObject({ status: 0 })
    expect(server.batches.slice(2).map((batch) => batch.lines.length)).toEqual([3])
    expect(await run()).toMatchObject({ status: 0 })
    expect(server.batches).toHaveLength(3)
  })

  it('names the lines that the server does not take', async () => {
    await using scene = await startScene()
    const { server, run } = scene
    server.end = () => ({ status: 'failed', errors: [{ line: 2, message: 'Not so.' }] })
    const { status, err } = await run()
    expect(status).toBe(2)
    expect(err).toContain('nothing was asked:\n  in.jsonl:2: Not so.\n')
  })
})
