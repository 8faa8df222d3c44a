import { Agent, fetch, type Response } from 'undici'
import { isAddressNotAllowed, judgingConnector } from '../../lib/judging-connector.ts'
import { isPublicAddress, isPublicOrPrivateAddress } from '../../lib/public-address.ts'
import { TurnError } from '../../turn/error.ts'
import { tooLarge } from './image-part.ts'
import { refuse } from './refusal.ts'

export type RemoteOptions = {
  /** Private networks and this machine too; link-local and metadata addresses never. */
  allowPrivateNetwork: boolean
  limits: {
    /** Counted after decompression. */
    bytes: number
    /** For everything: names, redirects, the body. */
    timeoutMs: number
    redirects: number
  }
}

/**
 * Fetches what callers name. The address that a connection truly goes to is judged, at each redirect too, so that neither a name
 * that points inside nor one that changes in between gets through. Nothing of what the other side says reaches an error message.
 */
export type RemoteFetcher = {
  /** Fails with `invalid_value`, naming the field; with `request_cancelled` when the signal ends it. */
  fetch(url: string, field: string, signal: AbortSignal): Promise<Buffer>
  close(): Promise<void>
}

export function createRemoteFetcher({ allowPrivateNetwork, limits }: RemoteOptions): RemoteFetcher {
  const isAllowed = allowPrivateNetwork ? isPublicOrPrivateAddress : isPublicAddress
  // No connection is kept: each request's address is judged anew.
  const agent = new Agent({
    connect: judgingConnector(isAllowed, limits.timeoutMs),
    pipelining: 0,
    maxHeaderSize: 32_768,
  })

  return {
    async fetch(url, field, signal) {
      const deadline = AbortSignal.timeout(limits.timeoutMs)
      const end = new AbortController()
      try {
        const both = AbortSignal.any([signal, deadline, end.signal])
        const response = await follow(url, field, {
          agent,
          signal: both,
          redirects: limits.redirects,
          allowPrivateNetwork,
        })
        return await readBody(response, field, limits.bytes)
      } catch (error) {
        throw failure(error, field, { signal, deadline, timeoutMs: limits.timeoutMs })
      } finally {
        end.abort()
      }
    },
    close: () => agent.destroy(),
  }
}

type Journey = {
  agent: Agent
  signal: AbortSignal
  redirects: number
  allowPrivateNetwork: boolean
}

async function follow(first: string, field: string, journey: Journey): Promise<Response> {
  let url = check(first, undefined, field, journey)
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url, {
      dispatcher: journey.agent,
      redirect: 'manual',
      signal: journey.signal,
      headers: { accept: 'image/png, image/jpeg, image/gif, image/webp, */*;q=0.1' },
    })
    const location = [301, 302, 303, 307, 308].includes(response.status)
      ? response.headers.get('location')
      : null
    if (location === null) {
      if (response.status === 200) return response
      throw refuse(
        field,
        `the server of the URL answered with status ${response.status} instead of a picture.`,
      )
    }
    if (redirects >= journey.redirects)
      throw refuse(field, `the URL leads on more than ${journey.redirects} times.`)
    await response.body?.cancel()
    url = check(location, url, field, journey)
  }
}

/** The URL parser already turns decimal, octal and hexadecimal forms of addresses into the usual one. */
function check(
  text: string,
  from: URL | undefined,
  field: string,
  { allowPrivateNetwork }: Journey,
): URL {
  const url = URL.canParse(text, from?.href) ? new URL(text, from) : undefined
  if (!url)
    throw refuse(field, `${from ? 'the URL leads to something that' : 'it'} is not a valid URL.`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse(field, `the URL leads to ${url.protocol}; only http and https are fetched.`)
  }
  if (url.username !== '' || url.password !== '')
    throw refuse(field, 'URLs with a user name or password are not fetched.')
  if (!allowPrivateNetwork && /(^|\.)localhost\.?$/.test(url.hostname)) throw notPublic(field)
  return url
}

async function readBody(response: Response, field: string, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of response.body ?? []) {
    if (!(chunk instanceof Uint8Array)) continue
    total += chunk.byteLength
    if (total > limitBytes) throw tooLarge(field, limitBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, total)
}

type Circumstances = { signal: AbortSignal; deadline: AbortSignal; timeoutMs: number }

function failure(
  error: unknown,
  field: string,
  { signal, deadline, timeoutMs }: Circumstances,
): TurnError {
  if (error instanceof TurnError) return error
  if (signal.aborted) {
    return new TurnError('request_cancelled', 'The caller left while a picture was fetched.', {
      cause: error,
    })
  }
  if (deadline.aborted)
    return refuse(field, `fetching the URL took longer than ${timeoutMs / 1000} s.`, error)
  if (isAddressNotAllowed(error)) return notPublic(field)
  return refuse(
    field,
    'the URL could not be fetched: its server was not found or did not answer properly.',
    error,
  )
}

function notPublic(field: string): TurnError {
  return refuse(
    field,
    "the URL leads to an address that is not on the public internet. The server's owner can allow private networks with ALLOW_PRIVATE_NETWORK; or send the picture as a data URL.",
  )
}
