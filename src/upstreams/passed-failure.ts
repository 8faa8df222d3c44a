import { promisify } from 'node:util'
import { brotliDecompress, unzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { readError } from '../dialects/openai-chat/client.ts'
import type { TurnError } from '../turn/error.ts'
import { parseObject } from './answers.ts'
import { type FailingUpstream, statusFailure } from './failures.ts'
import { retryAfterMs } from './retry-after.ts'

/** An answer that was read: a refusal or a failure, small. */
export type HeldAnswer = { status: number; headers: Record<string, string>; body: Uint8Array }

type Headers = Dispatcher.ResponseData['headers']

/** A longer one is no error object, and nobody keeps it. */
const largestErrorBytes = 64 * 1024

/** A provider that answers so has not the endpoint, as with a 404. */
const lacksEndpoint = new Set([404, 405, 501])

/**
 * The failure that an answer is, for which somebody else may be asked; undefined for every other, the refusals of what the caller sent
 * included. Its own words go along for the caller, but for those about the credentials of this server.
 */
export async function passedFailure(
  upstream: FailingUpstream,
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  shown: (headers: Headers) => Record<string, string>,
): Promise<{ type: 'failure'; error: TurnError; answer?: HeldAnswer } | undefined> {
  if (!isFailure(status)) return undefined
  const bytes = await readSmall(body)
  const told = await plainText(bytes, headers['content-encoding'])
  const error = statusFailure(
    upstream,
    lacksEndpoint.has(status) ? 404 : status,
    readError(parseObject(told)) ?? {},
    retryAfterMs(headers, Date.now()),
  )
  const isOurs = status < 400 || error.code === 'upstream_unauthorized'
  if (isOurs || !bytes) return { type: 'failure', error }
  return { type: 'failure', error, answer: { status, headers: shown(headers), body: bytes } }
}

function isFailure(status: number): boolean {
  if (status >= 300 && status < 400) return true
  return [401, 402, 403, 408, 429].includes(status) || lacksEndpoint.has(status) || status >= 500
}

/** Undefined when it is longer than an error is, or breaks off. */
async function readSmall(body: Dispatcher.ResponseData['body']): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of body) {
      const bytes = piece as Buffer
      size += bytes.length
      if (size > largestErrorBytes) return undefined
      pieces.push(bytes)
    }
  } catch {
    return undefined
  }
  return Buffer.concat(pieces)
}

/** The text of a body that may be packed; empty when it cannot be read. */
async function plainText(
  bytes: Buffer | undefined,
  encoding: string | string[] | undefined,
): Promise<string> {
  if (!bytes) return ''
  const options = { maxOutputLength: largestErrorBytes }
  try {
    if (encoding === 'br') return (await promisify(brotliDecompress)(bytes, options)).toString()
    if (encoding === undefined || encoding === 'identity') return bytes.toString()
    return (await promisify(unzip)(bytes, options)).toString()
  } catch {
    return ''
  }
}
