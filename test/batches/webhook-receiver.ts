import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'

export type ReceivedWebhook = {
  method: string
  path: string
  headers: IncomingHttpHeaders
  /** As it came, which is what was signed. */
  body: string
}

/** Somebody on loopback who waits for webhooks and keeps what came. */
export interface WebhookReceiver extends AsyncDisposable {
  /** For `WEBHOOK_HOSTS`. */
  readonly host: string
  readonly url: string
  readonly received: ReceivedWebhook[]
  /** How the next ones are answered; with 200 by default. */
  answer(write: (response: ServerResponse) => void): void
}

const takes = (response: ServerResponse): void => void response.end('ok')

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = []
  let write = takes
  const server = createServer((request, response) => {
    void (async () => {
      let body = ''
      for await (const piece of request.setEncoding('utf8')) body += String(piece)
      const { method = '', url: path = '', headers } = request
      received.push({ method, path, headers, body })
      write(response)
    })()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No port is free.')
  const host = `127.0.0.1:${address.port}`
  return {
    host,
    url: `http://${host}/told?token=secret`,
    received,
    answer: (next) => (write = next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
