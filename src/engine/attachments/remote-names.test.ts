import { once } from 'node:events'
import type * as dns from 'node:dns'
import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import { createRemoteFetcher, type RemoteFetcher } from './remote.ts'

/** The names of this test's internet, in which 127.0.0.1 is public and every other address private. */
const internet = vi.hoisted(() => ({
  names: new Map<string, string[][]>(),
  judged: [] as string[],
  isPublic: (ip: string): boolean => ip === '127.0.0.1',
}))

vi.mock('../../lib/public-address.ts', () => ({
  isPublicAddress: (ip: string) => {
    internet.judged.push(ip)
    return internet.isPublic(ip)
  },
  isPublicOrPrivateAddress: () => true,
}))

vi.mock('node:dns', async (load) => ({
  ...(await load<typeof dns>()),
  lookup: (
    name: string,
    _options: unknown,
    done: (error: Error | null, found?: { address: string; family: number }[]) => void,
  ) => {
    const answers = internet.names.get(name)
    const addresses = answers && answers.length > 1 ? answers.shift() : answers?.[0]
    if (addresses)
      done(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      )
    else done(new Error('ENOTFOUND'))
  },
}))

let remote: RemoteFetcher
let port: number
let hosts: string[]
const signal = new AbortController().signal
const server = createServer((request, response) => {
  hosts.push(`${request.socket.localAddress} ${request.url}`)
  const target = new URL(request.url ?? '/', 'http://x').searchParams.get('to')
  if (target === null) response.end('picture')
  else response.writeHead(302, { location: target }).end()
})

beforeEach(async () => {
  hosts = []
  internet.judged.length = 0
  internet.isPublic = (ip) => ip === '127.0.0.1'
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  const address = server.address()
  port = typeof address === 'object' && address ? address.port : 0
  remote = createRemoteFetcher({
    allowPrivateNetwork: false,
    limits: { bytes: 1000, timeoutMs: 2000, redirects: 3 },
  })
  internet.names.clear()
  internet.names.set('public.example', [['127.0.0.1']])
  internet.names.set('inside.example', [['127.0.0.2']])
  internet.names.set('mixed.example', [['127.0.0.1', '127.0.0.2']])
})

afterEach(async () => {
  await remote.close()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

async function refusal(url: string): Promise<string> {
  const error: unknown = await remote.fetch(url, 'f', signal).catch((error: unknown) => error)
  if (error instanceof TurnError && error.code === 'invalid_value') return error.message
  throw new Error(`not refused: ${String(error)}`)
}

describe('fetch by name', () => {
  it('reads from a public address and judges what the socket says too', async () => {
    expect(String(await remote.fetch(`http://public.example:${port}/a`, 'f', signal))).toBe(
      'picture',
    )
    expect(internet.judged).toEqual(['127.0.0.1', '127.0.0.1'])
  })

  it.each(['inside.example', 'mixed.example'])('does not connect to %s', async (name) => {
    expect(await refusal(`http://${name}:${port}/`)).toContain('not on the public internet')
    expect(hosts).toEqual([])
  })

  it('judges each redirect, by name and by address', async () => {
    for (const target of [
      `http://inside.example:${port}/b`,
      `http://127.0.0.2:${port}/b`,
      `//127.0.0.2:${port}/b`,
      `http://localhost:${port}/b`,
    ]) {
      const url = `http://public.example:${port}/?to=${encodeURIComponent(target)}`
      expect(await refusal(url)).toContain('not on the public internet')
    }
    expect(hosts).toHaveLength(4)
    expect(hosts.filter((host) => !host.startsWith('127.0.0.1 /?to'))).toEqual([])
  })

  it('judges a name again that answers otherwise the second time', async () => {
    internet.names.set('turning.example', [['127.0.0.1'], ['127.0.0.2']])
    const again = encodeURIComponent(`http://turning.example:${port}/b`)
    expect(await refusal(`http://turning.example:${port}/?to=${again}`)).toContain(
      'not on the public internet',
    )
    expect(hosts).toHaveLength(1)
  })

  it('sends nothing when only the socket shows the true address', async () => {
    internet.isPublic = () => internet.judged.length < 2
    expect(await refusal(`http://public.example:${port}/`)).toContain('not on the public internet')
    expect(hosts).toEqual([])
  })

  it('says of a name that does not exist nothing of addresses', async () => {
    expect(await refusal(`http://nowhere.example:${port}/`)).toContain('not found')
  })
})
