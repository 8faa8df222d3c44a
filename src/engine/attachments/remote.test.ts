import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import { createRemoteFetcher, type RemoteFetcher, type RemoteOptions } from './remote.ts'

const limits = { bytes: 1000, timeoutMs: 400, redirects: 3 }
const signal = new AbortController().signal
const opened: { close(): unknown }[] = []

afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close()
})

async function serve(
  listener: RequestListener,
  host = '127.0.0.1',
): Promise<{ server: Server; url: string; port: number; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    listener(request, response)
  })
  server.listen(0, host)
  await once(server, 'listening')
  opened.push({
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { server, url: `http://127.0.0.1:${port}`, port, requests }
}

function fetcher(changed: Partial<RemoteOptions> = {}): RemoteFetcher {
  const remote = createRemoteFetcher({ allowPrivateNetwork: true, limits, ...changed })
  opened.push(remote)
  return remote
}

async function failure(promise: Promise<unknown>): Promise<TurnError> {
  const error: unknown = await promise.then(
    () => 'no failure',
    (error: unknown) => error,
  )
  if (error instanceof TurnError) return error
  throw new Error(`not a TurnError: ${String(error)}`)
}

describe('fetch with private networks allowed', () => {
  it('gives the bytes, decompressed', async () => {
    for (const [encoding, body] of [
      [undefined, Buffer.from('bytes')],
      ['gzip', gzipSync('bytes')],
      ['br', brotliCompressSync('bytes')],
    ] as const) {
      const { url } = await serve((_, response) => {
        response.writeHead(200, encoding ? { 'content-encoding': encoding } : {}).end(body)
      })
      expect(String(await fetcher().fetch(`${url}/a.png`, 'f', signal))).toBe('bytes')
    }
  })

  it('follows redirects up to the limit', async () => {
    const { url, requests } = await serve(({ url }, response) => {
      const left = Number(url?.slice(1))
      if (left === 0) response.end('there')
      else response.writeHead(302, { location: `/${left - 1}` }).end('a body that nobody reads')
    })
    expect(String(await fetcher().fetch(`${url}/3`, 'f', signal))).toBe('there')
    const error = await failure(fetcher().fetch(`${url}/4`, 'f', signal))
    expect(error).toMatchObject({ code: 'invalid_value', param: 'f' })
    expect(error.message).toContain('more than 3 times')
    expect(requests).toHaveLength(8)
  })

  it.each([
    ['file:///etc/hostname', 'file:'],
    ['ftp://127.0.0.1/', 'ftp:'],
    ['http://user:secret@127.0.0.1/', 'user name or password'],
    ['http://[', 'not a valid URL'],
  ])('does not follow a redirect to %s', async (location, words) => {
    const { url } = await serve((_, response) => response.writeHead(301, { location }).end())
    const error = await failure(fetcher().fetch(url, 'f', signal))
    expect(error.code).toBe('invalid_value')
    expect(error.message).toContain(words)
    expect(error.message).not.toContain('secret')
  })

  it('says the status and never the body of an answer that is no picture', async () => {
    const { url } = await serve((_, response) => response.writeHead(500).end('internal details'))
    const error = await failure(fetcher().fetch(url, 'messages[0]', signal))
    expect(error).toMatchObject({ code: 'invalid_value', param: 'messages[0]' })
    expect(error.message).toContain('status 500')
    expect(`${error.message}${String(error.cause)}`).not.toContain('internal details')
  })

  it('takes exactly the limit and stops reading an endless answer at once', async () => {
    let written = 0
    const { url } = await serve(({ url }, response) => {
      if (url === '/exact') return response.end(Buffer.alloc(1000))
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(10_000))) written += 10_000
      }
      response.on('drain', more)
      more()
    })
    expect(await fetcher().fetch(`${url}/exact`, 'f', signal)).toHaveLength(1000)
    expect((await failure(fetcher().fetch(`${url}/endless`, 'f', signal))).message).toContain(
      'larger than 1000 bytes',
    )
    await sleep(50)
    const then = written
    await sleep(50)
    expect(written).toBe(then)
  })

  it('counts what a small answer unpacks to', async () => {
    const { url } = await serve((_, response) => {
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(10_000_000)))
    })
    expect((await failure(fetcher().fetch(url, 'f', signal))).message).toContain(
      'larger than 1000 bytes',
    )
  })

  it.each(['silent', 'slow', 'redirecting'])('ends in time when a server is %s', async (kind) => {
    const { url } = await serve((_, response) => {
      if (kind === 'slow') {
        const timer = setInterval(() => response.write('.'), 50)
        response.on('close', () => clearInterval(timer))
      }
      if (kind === 'redirecting')
        setTimeout(() => response.writeHead(302, { location: '/' }).end(), 300)
    })
    const begin = performance.now()
    const error = await failure(fetcher().fetch(url, 'f', signal))
    expect(error.code).toBe('invalid_value')
    expect(error.message).toContain('longer than 0.4 s')
    expect(performance.now() - begin).toBeLessThan(1500)
  })

  it('ends when the caller leaves, and lets go of the server', async () => {
    const left = new AbortController()
    let gone = false
    const { url } = await serve((_, response) => {
      response.on('close', () => (gone = true))
      response.write('.')
      setTimeout(() => left.abort(), 20)
    })
    expect(await failure(fetcher().fetch(url, 'f', left.signal))).toMatchObject({
      code: 'request_cancelled',
    })
    await expect.poll(() => gone).toBe(true)
  })

  it('says the same of a server that refuses, breaks off or speaks nonsense', async () => {
    const { url } = await serve((request) => request.socket.destroy())
    const { url: nonsense } = await serve((request) => request.socket.end('SSH-2.0-secret\r\n'))
    const { url: cut } = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half')
      setTimeout(() => request.socket.destroy(), 20)
    })
    for (const address of [url, nonsense, cut, 'http://127.0.0.1:9', 'http://nothing.invalid']) {
      const error = await failure(fetcher().fetch(address, 'f', signal))
      expect(error).toMatchObject({ code: 'invalid_value', param: 'f' })
      expect(error.message).not.toContain('secret')
    }
  })

  it('still refuses metadata addresses and what is nobody', async () => {
    for (const url of [
      'http://169.254.169.254/latest',
      'http://0.0.0.0/',
      'http://[fe80::1]/',
      'http://[::]/',
      'http://[::ffff:169.254.169.254]/',
    ]) {
      expect((await failure(fetcher().fetch(url, 'f', signal))).message).toContain(
        'not on the public internet',
      )
    }
  })
})

const strict = () => fetcher({ allowPrivateNetwork: false })

describe('fetch with public addresses only', () => {
  it.each([
    'http://127.0.0.1:PORT/',
    'http://127.1:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f.0.0.1:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://0.0.0.0:PORT/',
    'http://localhost:PORT/',
    'http://LOCALHOST.:PORT/',
    'http://app.localhost:PORT/',
    'http://[::1]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::ffff:7f00:1]:PORT/',
    'http://[64:ff9b::7f00:1]:PORT/',
    'http://[2002:7f00:1::]:PORT/',
    'http://10.0.0.1/',
    'http://169.254.169.254/',
    'http://①②⑦.0.0.1:PORT/',
  ])('refuses %s without a connection', async (form) => {
    const { port, server } = await serve((_, response) => response.end('secret'))
    let connections = 0
    server.on('connection', () => (connections += 1))
    const error = await failure(strict().fetch(form.replace('PORT', String(port)), 'f', signal))
    expect(error).toMatchObject({ code: 'invalid_value', param: 'f' })
    expect(error.message).toContain('not on the public internet')
    expect(error.message).toContain('ALLOW_PRIVATE_NETWORK')
    expect(connections).toBe(0)
  })

  it.each([
    ['ftp://example.org/', 'ftp:'],
    ['http://user@example.org/', 'user name or password'],
    ['http://:password@example.org/', 'user name or password'],
    ['http://', 'not a valid URL'],
  ])('refuses %s', async (url, words) => {
    expect((await failure(strict().fetch(url, 'f', signal))).message).toContain(words)
  })
})
