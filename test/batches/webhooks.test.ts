import { randomBytes } from 'node:crypto'
import type { OpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebhookTried } from '../../src/telemetry/events.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { startBuiltServer } from '../api/server/built-server.ts'
import { until } from '../api/server/support.ts'
import { says, stalls } from '../scripted-anthropic/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { asking, begin, ended } from './support.ts'
import {
  type ReceivedWebhook,
  startWebhookReceiver,
  type WebhookReceiver,
} from './webhook-receiver.ts'

const secret = `whsec_${randomBytes(32).toString('base64')}`

/** As whoever gets it reads it, with OpenAI's own client. */
function read({ client }: { client: OpenAI }, { body, headers }: ReceivedWebhook, key = secret) {
  const sent = Object.entries(headers).map(([name, value]) => [name, String(value)])
  return client.webhooks.unwrap(body, Object.fromEntries(sent) as Record<string, string>, key)
}

describe('a webhook when a batch ends', { timeout: 90_000 }, () => {
  let receiver: WebhookReceiver
  let server: TestServer
  const tried: WebhookTried[] = []

  beforeAll(async () => {
    receiver = await startWebhookReceiver()
    server = await startTestServer(
      { WEBHOOK_HOSTS: `hooks.example.com, ${receiver.host}`, WEBHOOK_SECRET: secret },
      undefined,
      { ...silentTelemetry, webhookTried: (event) => void tried.push(event) },
    )
  })
  afterAll(async () => {
    await server.close()
    await receiver[Symbol.asyncDispose]()
  })

  const beginTold = (lines: readonly unknown[], url = receiver.url): Promise<OpenAI.Batch> =>
    begin(server.client, lines, { metadata: { webhook_url: url, of: 'tests' } })

  const comes = async (batch: string): Promise<ReceivedWebhook> => {
    const find = () => receiver.received.find(({ body }) => body.includes(batch))
    await until('the webhook comes', () => find() !== undefined)
    return find() ?? expect.unreachable()
  }

  it('is signed so that the openai client knows it, and says how it ended', async () => {
    server.anthropic.respond = () => says('Well.')
    const completed = await ended(server.client, (await beginTold([asking('a')])).id)
    const message = await comes(completed.id)
    expect(message).toMatchObject({
      method: 'POST',
      path: '/told?token=secret',
      headers: { 'content-type': 'application/json' },
    })
    const event = await read(server, message)
    expect(event).toEqual({
      id: String(message.headers['webhook-id']),
      object: 'event',
      created_at: completed.completed_at ?? 0,
      type: 'batch.completed',
      data: { id: completed.id },
    } satisfies OpenAI.Webhooks.BatchCompletedWebhookEvent)
    const forged = { ...message, body: message.body.replace('completed', 'cancelled') }
    await expect(read(server, forged)).rejects.toThrow('signature')
    const other = `whsec_${randomBytes(32).toString('base64')}`
    await expect(read(server, message, other)).rejects.toThrow('signature')

    const failed = await ended(server.client, (await beginTold([{ custom_id: 'x' }])).id)
    expect(await read(server, await comes(failed.id))).toMatchObject({
      type: 'batch.failed',
      created_at: failed.failed_at,
      data: { id: failed.id },
    })

    let isHeld = true
    server.anthropic.respond = () => (isHeld ? stalls() : says('Late.'))
    const { id } = await beginTold([asking('c'), asking('d')])
    await server.client.batches.cancel(id)
    isHeld = false
    expect(await read(server, await comes(id))).toMatchObject({
      type: 'batch.cancelled',
      data: { id },
    })
  })

  it('is told in the log, without the rest of its address', async () => {
    server.anthropic.respond = () => says('Well.')
    const { id } = await beginTold([asking('a')])
    await until('it is told', () => tried.some(({ batch }) => batch === id))
    const event = tried.find(({ batch }) => batch === id)
    expect(event).toEqual({
      id: expect.stringMatching(/^evt_/) as string,
      batch: id,
      host: receiver.host,
      attempt: 1,
      outcome: 'delivered',
      status: 200,
    })
  })

  it('follows no redirect, and the batch does not mind', async () => {
    server.anthropic.respond = () => says('Well.')
    await using elsewhere = await startWebhookReceiver()
    receiver.answer((response) => response.writeHead(307, { location: elsewhere.url }).end())
    const { id } = await beginTold([asking('a')])
    await until('it is told', () => tried.some(({ batch }) => batch === id))
    receiver.answer((response) => response.end())
    expect(tried.find(({ batch }) => batch === id)).toMatchObject({
      outcome: 'failed',
      status: 307,
    })
    expect((await ended(server.client, id)).status).toBe('completed')
    expect(elsewhere.received).toEqual([])
  })

  it('goes only where the owner allows', async () => {
    for (const [url, why] of [
      ['http://127.0.0.1:1/', '127.0.0.1:1 is not a host that the owner of this server allows'],
      ['http://169.254.169.254/latest', 'WEBHOOK_HOSTS'],
      ['https://hooks.example.com.evil.example/', 'WEBHOOK_HOSTS'],
      ['no address', 'which is not an http(s) address'],
    ] as const) {
      const error: unknown = await beginTold([asking('a')], url).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        status: 400,
        code: 'invalid_value',
        param: 'metadata.webhook_url',
        message: expect.stringContaining(why) as string,
      })
    }
    await using closed = await startTestServer()
    const attempt = begin(closed.client, [asking('a')], {
      metadata: { webhook_url: receiver.url },
    })
    await expect(attempt).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('sends no webhooks') as string,
    })
  })
})

it(
  'a webhook that was not taken is sent again, over a kill of the server',
  { timeout: 90_000 },
  async () => {
    await using folder = await temporaryFolder()
    await using receiver = await startWebhookReceiver()
    receiver.answer((response) => response.writeHead(500).end())
    const settings = {
      DATA_DIR: folder.path,
      WEBHOOK_HOSTS: receiver.host,
      WEBHOOK_SECRET: secret,
    }
    let id = ''
    {
      await using server = await startBuiltServer(settings)
      const metadata = { webhook_url: receiver.url }
      id = (await begin(server.client, [asking('a')], { metadata })).id
      await until('it was sent', () => receiver.received.length > 0, 30_000)
      server.child.kill('SIGKILL')
      await server.ended
    }
    receiver.answer((response) => response.end())
    const before = receiver.received.length
    await using server = await startBuiltServer(settings)
    await until('it is sent again', () => receiver.received.length > before, 30_000)
    const [first, ...others] = receiver.received
    const last = others.at(-1)
    expect(last?.body).toBe(first?.body)
    expect(last?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    expect(await read(server, last ?? expect.unreachable())).toMatchObject({ data: { id } })
    await until('the log tells', () =>
      server
        .log()
        .some(({ event, outcome }) => event === 'webhook-tried' && outcome === 'delivered'),
    )
    expect(JSON.stringify(server.log())).not.toContain('token=secret')
  },
)
