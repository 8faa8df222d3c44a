import { describe, expect, it } from 'vitest'
import { ask, askStream, readAll } from '../api/server/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientWith, makeKey } from './support.ts'

type Row = { owner: string; requests: number; input_tokens: number; cost_usd: number }

async function usage({ url }: TestServer, key: string, query = ''): Promise<Response> {
  return fetch(`${url}/v1/usage${query}`, { headers: { authorization: `Bearer ${key}` } })
}

async function rows(server: TestServer, key: string, query = ''): Promise<Row[]> {
  const { data } = (await (await usage(server, key, query)).json()) as { data: Row[] }
  return data
}

describe('GET /v1/usage', { timeout: 60_000 }, () => {
  it('tells each key its own, and the admin everybody’s', async () => {
    await using server = await startTestServer({ ADMIN_KEY: 'the-admin-key' })
    server.anthropic.respond = () => says('Hi.')
    const [one, two] = [await makeKey(server), await makeKey(server)]
    const { answer } = await ask(clientWith(server, one.text))
    const { chunks } = await askStream(clientWith(server, one.text))
    await readAll(chunks)
    await ask(clientWith(server, two.text))
    const [row, ...others] = await rows(server, one.text)
    expect(others).toEqual([])
    expect(row).toMatchObject({
      date: new Date().toISOString().slice(0, 10),
      owner: `key-${one.id}`,
      provider: 'claude-code',
      requests: 2,
      input_tokens: 2 * (answer.usage?.prompt_tokens ?? 0),
      output_tokens: 2 * (answer.usage?.completion_tokens ?? 0),
    })
    expect(row?.cost_usd).toBeCloseTo(2 * (answer.claude?.cost_usd ?? 0), 5)
    const all = await rows(server, 'the-admin-key')
    expect(Object.fromEntries(all.map(({ owner, requests }) => [owner, requests]))).toEqual({
      [`key-${one.id}`]: 2,
      [`key-${two.id}`]: 1,
    })
    expect(await rows(server, 'the-admin-key', '?start=2001-01-01&end=2001-01-31')).toEqual([])
  })

  it('is CSV where that is asked for, and says what it does not understand', async () => {
    await using server = await startTestServer({ API_KEY: 'simple' })
    server.anthropic.respond = () => says('Hi.')
    await ask(server.client)
    const csv = await usage(server, 'simple', '?format=csv')
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    const [head, line, end] = (await csv.text()).split('\r\n')
    expect(head).toMatch(/^date,owner,provider,model,requests,/)
    expect(line).toMatch(/^\d{4}-\d\d-\d\d,key-[\da-f]{16},claude-code,[^,]+,1,\d+,\d+,\d+,[\d.]+$/)
    expect(end).toBe('')
    for (const query of ['?format=xml', '?start=yesterday', '?start=2030-01-01&start=2030-01-02'])
      expect((await usage(server, 'simple', query)).status).toBe(400)
    expect((await usage(server, 'wrong')).status).toBe(401)
  })
})
