import { describe, expect, it } from 'vitest'
import { eventually } from '../faults/support.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientWith } from './support.ts'

type Answer = {
  status: number
  body: { [field: string]: unknown; error?: { code: string; param: string } }
}

async function admin(
  { url }: TestServer,
  method: string,
  path: string,
  body?: unknown,
  key = 'the-admin-key',
): Promise<Answer> {
  const response = await fetch(`${url}/v1/admin/keys${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

describe('the admin API', { timeout: 60_000 }, () => {
  it('makes, shows, changes, rotates and revokes keys', async () => {
    await using server = await startTestServer({ ADMIN_KEY: 'the-admin-key' })
    const wish = { name: 'one', expires_at: 4_000_000_000, policy: { models: ['haiku'] } }
    const { status, body: made } = await admin(server, 'POST', '', wish)
    expect({ status, made }).toMatchObject({
      status: 200,
      made: { ...wish, object: 'api_key', status: 'active', revoked_at: null },
    })
    const { key, ...shown } = made
    const path = `/${String(made['id'])}`
    await clientWith(server, String(key)).models.list()
    expect((await admin(server, 'GET', '')).body).toEqual({ object: 'list', data: [shown] })
    expect((await admin(server, 'GET', path)).body).toEqual(shown)
    const change = { name: 'two', expires_at: null, policy: { models: ['sonnet'] } }
    expect((await admin(server, 'PATCH', path, change)).body).toEqual({ ...shown, ...change })
    const rotated = await admin(server, 'POST', `${path}/rotate`)
    expect(rotated.body['key']).not.toBe(key)
    const client = clientWith(server, String(rotated.body['key']))
    await client.models.list()
    expect((await admin(server, 'DELETE', path)).body).toMatchObject({ status: 'revoked' })
    await eventually('it is refused', () =>
      client.models.list().then(
        () => false,
        () => true,
      ),
    )
  })

  it('says what is wrong', async () => {
    await using server = await startTestServer({ ADMIN_KEY: 'the-admin-key' })
    const wrong = async (body: unknown): Promise<unknown> => {
      const { status, body: answer } = await admin(server, 'POST', '', body)
      return [status, answer.error?.code, answer.error?.param]
    }
    expect(await wrong({})).toEqual([400, 'invalid_value', 'name'])
    expect(await wrong({ name: ' ' })).toEqual([400, 'invalid_value', 'name'])
    expect(await wrong({ name: 'x', policy: { models: 'all' } })).toEqual([
      400,
      'invalid_value',
      'policy.models',
    ])
    expect(await wrong({ name: 'x', policy: { workspace_roots: ['a'] } })).toEqual([
      400,
      'invalid_value',
      'policy.workspace_roots',
    ])
    const missing = await admin(server, 'GET', '/nothing')
    expect([missing.status, missing.body.error?.code]).toEqual([404, 'key_not_found'])
  })

  it('opens with its own key only, which opens nothing else', async () => {
    await using server = await startTestServer({ ADMIN_KEY: 'the-admin-key', API_KEY: 'other' })
    expect((await admin(server, 'GET', '', undefined, 'other')).status).toBe(401)
    expect((await admin(server, 'POST', '', { name: 'x' }, 'other')).status).toBe(401)
    await expect(clientWith(server, 'the-admin-key').models.list()).rejects.toMatchObject({
      status: 401,
    })
    await using plain = await startTestServer()
    expect((await admin(plain, 'GET', '')).status).toBe(403)
  })
})
