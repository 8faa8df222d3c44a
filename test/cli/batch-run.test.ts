import { readdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { startBuiltServer } from '../api/server/built-server.ts'
import { asking, type BatchLine, jsonLines, textOf } from '../batches/support.ts'
import { stalls } from '../scripted-anthropic/server.ts'
import { answered, answering, type Desk, questionOf, startDesk, stopOnce } from './jobs.ts'

const run = ['batch', 'run', 'in.jsonl', '-o', 'out.jsonl'] as const

/** Writes `in.jsonl`, a question for each id. */
async function writeInput(desk: Desk, ids: readonly string[]): Promise<void> {
  await desk.write('in.jsonl', jsonLines(ids.map((id) => asking(id))))
}

async function answersIn(desk: Desk, name = 'out.jsonl'): Promise<unknown[]> {
  const lines = await desk.lines<BatchLine>(name)
  return lines.map((line) => [line.custom_id, textOf(line)])
}

function answersTo(ids: readonly string[]): unknown[] {
  return ids.map((id) => [id, `Answer to Question ${id}.`])
}

/** Answers so many questions, and no other. */
function answeringOnly(desk: Desk, count: number): void {
  let asked = 0
  desk.anthropic.respond = (request) => (++asked > count ? stalls() : answering(request))
}

describe('`batch run` without a server', { timeout: 180_000 }, () => {
  it('has every line answered, in the order of the input, and says what failed', async () => {
    await using desk = await startDesk()
    const ids = ['a', 'b', 'wrong', 'c']
    await writeInput(desk, ids)
    const { status, out, err } = await desk.run(run)
    expect({ status, out }).toEqual({ status: 1, out: '' })
    expect(err).toMatch(/3 of 4 answered · 1 failed · \$0\.\d+ · \d+ s\n/)
    expect(err).toContain('in.jsonl:3: ')
    expect(await answersIn(desk)).toEqual(answersTo(['a', 'b', 'c']))
    const errors = await desk.lines<BatchLine>('out.errors.jsonl')
    expect(errors).toMatchObject([{ custom_id: 'wrong', response: { status_code: 400 } }])
    expect((await readdir(desk.folder)).sort()).toEqual([
      'in.jsonl',
      'out.errors.jsonl',
      'out.jsonl',
    ])

    desk.anthropic.requests.splice(0)
    expect(await desk.run(run)).toMatchObject({ status: 1 })
    expect(new Set(desk.questions())).toEqual(new Set(['Question wrong']))
    expect(await answersIn(desk)).toEqual(answersTo(['a', 'b', 'c']))
  })

  it('goes on after Ctrl-C, and asks nothing again that is answered', async () => {
    await using desk = await startDesk()
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    await writeInput(desk, ids)
    const settings = { MAX_TURNS: '2', BATCH_CONCURRENCY: '2', SHUTDOWN_GRACE_SECONDS: '0.1' }
    answeringOnly(desk, 3)
    const stopped = await stopOnce(
      await desk.start(run, settings),
      'three are answered and two wait',
      () => desk.questions().length === 5,
    )
    expect(stopped.status).toBe(130)
    expect(stopped.err).toMatch(/Stopped\. batch_\w+ is kept: the same command goes on with it/)
    expect(await readdir(desk.folder)).toEqual(['in.jsonl'])

    const [batch] = /batch_\w+/.exec(stopped.err) ?? []
    const answered = new Set(desk.questions().slice(0, 3))
    desk.anthropic.requests.splice(0)
    desk.anthropic.respond = answering
    const finished = await desk.run(run, settings)
    expect(finished).toMatchObject({ status: 0 })
    expect(finished.err).toContain('6 of 6 answered')
    expect(await answersIn(desk)).toEqual(answersTo(ids))
    const all = ids.map((id) => `Question ${id}`)
    expect(desk.questions().sort()).toEqual(all.filter((one) => !answered.has(one)))
    expect(batch).toBeDefined()

    desk.anthropic.requests.splice(0)
    const again = await desk.run(run, settings)
    expect(again).toMatchObject({ status: 0 })
    expect(again.err).toContain('nothing was asked now')
    expect(desk.questions()).toEqual([])
  })

  it('goes on after kill -9, and while another command runs', async () => {
    await using desk = await startDesk()
    const ids = ['a', 'b', 'c']
    await writeInput(desk, ids)
    answeringOnly(desk, 1)
    const settings = { MAX_TURNS: '1' }
    const { child, ended } = await desk.start(run, settings)
    await expect.poll(() => desk.questions().length, { timeout: 30_000 }).toBe(2)
    child.kill('SIGKILL')
    await ended
    expect(await readdir(desk.folder)).toEqual(['in.jsonl'])
    desk.anthropic.requests.splice(0)
    desk.anthropic.respond = answering
    await desk.write('other.jsonl', jsonLines([asking('z')]))
    const other = ['batch', 'run', 'other.jsonl', '-o', 'other.out.jsonl']
    const meanwhile = await desk.run(other, settings)
    expect(meanwhile).toMatchObject({ status: 0 })
    expect(meanwhile.err).toMatch(/meanwhile this goes on with batch_\w+\.\n/)
    expect(await desk.run(run, settings)).toMatchObject({ status: 0 })
    expect(desk.questions().sort()).toEqual(['Question b', 'Question c', 'Question z'])
    expect(await answersIn(desk)).toEqual(answersTo(ids))
  })

  it('ends a batch with --cancel, and keeps what is answered', async () => {
    await using desk = await startDesk()
    await writeInput(desk, ['a', 'b', 'c'])
    answeringOnly(desk, 1)
    const settings = { MAX_TURNS: '1', SHUTDOWN_GRACE_SECONDS: '0.1' }
    await stopOnce(await desk.start(run, settings), 'one is answered', () => {
      return desk.questions().length === 2
    })
    const cancelled = await desk.run([...run, '--cancel'], settings)
    expect(cancelled.status).toBe(1)
    expect(cancelled.err).toContain('1 of 3 answered · 2 not asked')
    expect(await answersIn(desk)).toEqual(answersTo(['a']))
    const errors = await desk.lines<BatchLine>('out.errors.jsonl')
    expect(errors.map(({ error }) => error?.code)).toEqual(['batch_cancelled', 'batch_cancelled'])

    expect(await desk.run([...run, '--cancel'], settings)).toMatchObject({ status: 2 })
    desk.anthropic.requests.splice(0)
    desk.anthropic.respond = answering
    expect(await desk.run(run, settings)).toMatchObject({ status: 0 })
    expect(desk.questions()).toEqual(['Question b', 'Question c'])
    expect(await readdir(desk.folder)).toEqual(['in.jsonl', 'out.jsonl'])
  })

  it('makes several batches of what is too much for one, and asks what failed once', async () => {
    await using desk = await startDesk()
    const ids = ['a', 'wrong', ...Array.from({ length: 9 }, (_, index) => `q${index}`)]
    await writeInput(desk, ids)
    const settings = { UPLOAD_LIMIT_MB: '0.001' }
    const { status, err } = await desk.run(run, settings)
    expect(status).toBe(1)
    expect(err).toContain('10 of 11 answered · 1 failed')
    expect(await answersIn(desk)).toEqual(answersTo(ids.filter((id) => id !== 'wrong')))
    desk.anthropic.requests.splice(0)
    desk.anthropic.respond = () => answered('Question wrong')
    expect(await desk.run(run, settings)).toMatchObject({ status: 0 })
    expect(await answersIn(desk)).toEqual(answersTo(ids))
    expect(desk.questions()).toEqual(['Question wrong'])
  })

  it('names the wrong lines and asks nothing', async () => {
    await using desk = await startDesk()
    const lines = [asking('a'), { ...asking('b'), method: 'GET' }, asking('a')]
    await desk.write('in.jsonl', `${jsonLines(lines)}\nnot json\n`)
    const { status, out, err } = await desk.run(run)
    expect({ status, out }).toEqual({ status: 2, out: '' })
    expect(err.split('\n')).toEqual([
      'in.jsonl has lines that cannot be asked; nothing was asked:',
      '  in.jsonl:2: method must be "POST"; got "GET".',
      '  in.jsonl:3: its custom_id is the one of in.jsonl:1',
      '  in.jsonl:5: The line must be a JSON object in UTF-8, on one line.',
      '',
    ])
    expect(desk.questions()).toEqual([])
  })

  it('names what the server does not take', async () => {
    await using desk = await startDesk()
    await desk.write('in.jsonl', jsonLines([{ ...asking('a'), url: '/v1/nothing' }]))
    const { status, err } = await desk.run(run)
    expect(status).toBe(2)
    expect(err).toContain('endpoint must be one of "/v1/chat/completions"')
  })

  it('does not replace a file of other answers, unless it is told to', async () => {
    await using desk = await startDesk()
    await writeInput(desk, ['a'])
    await desk.write('out.jsonl', 'mine\n')
    const refused = await desk.run(run)
    expect(refused.status).toBe(2)
    expect(refused.err).toContain('out.jsonl is there already')
    expect(await desk.read('out.jsonl')).toBe('mine\n')
    expect(desk.questions()).toEqual([])
    expect(await desk.run([...run, '--fresh'])).toMatchObject({ status: 0 })
    expect(await answersIn(desk)).toEqual(answersTo(['a']))
    expect(await desk.run([...run, '--fresh'])).toMatchObject({ status: 0 })
    expect(desk.questions()).toEqual(['Question a', 'Question a'])
  })

  it('says what it does not understand', async () => {
    await using desk = await startDesk()
    await writeInput(desk, ['a'])
    const failed = async (...args: string[]): Promise<string> => {
      const { status, err } = await desk.run(['batch', ...args])
      expect(status).toBe(2)
      return err
    }
    expect(await failed('run', 'in.jsonl')).toContain('Usage:')
    expect(await failed('run', 'in.jsonl', '-o')).toContain('-o needs a value')
    expect(await failed('run', 'none.jsonl', '-o', 'out')).toContain('none.jsonl cannot be read')
    expect(await failed('run', '.', '-o', 'out')).toContain('is no file')
    expect(await failed('run', 'in.jsonl', '-o', 'in.jsonl')).toContain('the input itself')
    expect(await failed('run', 'in.jsonl', '-o', 'out', '--nope')).toContain('--nope')
    expect(await failed('run', 'in.jsonl', '-o', 'out', '--fresh', '--cancel')).toContain(
      'give one',
    )
    expect(await failed('run', 'in.jsonl', '-o', 'out', '--url', 'x')).toContain('--url is "x"')
    expect(await failed('run', 'in.jsonl', '-o', 'out', '--url', 'http://127.0.0.1:9')).toContain(
      'http://127.0.0.1:9 does not answer (ECONNREFUSED)',
    )
  })
})

describe('`batch run` beside a server', { timeout: 180_000 }, () => {
  it('gives the batch to it, which goes on when the command is stopped', async () => {
    await using desk = await startDesk()
    await using server = await startBuiltServer({ API_KEY: 'a-key', MAX_TURNS: '2' })
    const ids = ['a', 'b', 'c']
    await writeInput(desk, ids)
    let isOpen = false
    const { anthropic } = server
    anthropic.respond = async (request) => {
      await expect.poll(() => isOpen, { timeout: 60_000 }).toBe(true)
      return answering(request)
    }
    const here = { API_KEY: 'a-key', PORT: new URL(server.url).port }
    const wrongKey = await desk.run(run, { ...here, API_KEY: 'another' })
    expect(wrongKey).toMatchObject({ status: 2 })
    expect(wrongKey.err).toContain('the key comes from API_KEY')

    const stopped = await stopOnce(await desk.start(run, here), 'a line is asked', () => {
      return anthropic.requests.length > 0
    })
    expect(stopped.status).toBe(130)
    expect(stopped.err).toMatch(/batch_\w+ goes on at the server/)
    isOpen = true
    const [batch] = (await server.client.batches.list()).data
    expect(stopped.err).toContain(batch?.id)
    const finished = await desk.run([...run, '--url', `${server.url}/v1`], { API_KEY: 'a-key' })
    expect(finished).toMatchObject({ status: 0 })
    expect(await answersIn(desk)).toEqual(answersTo(ids))
    expect(anthropic.requests.map(questionOf).sort()).toEqual(ids.map((id) => `Question ${id}`))
    expect((await server.client.batches.list()).data).toHaveLength(1)
    expect((await server.client.files.list({ purpose: 'batch' })).data).toEqual([])
    expect(desk.questions()).toEqual([])
  })
})
