import { TurnError } from '../../turn/error.ts'
import type { ImagePart, Message, UserPart } from '../../turn/message.ts'
import type { Workspace } from '../workspace/workspace.ts'
import { readDataUrl } from './data-url.ts'
import { toImagePart } from './image-part.ts'
import { refuse } from './refusal.ts'
import type { RemoteFetcher } from './remote.ts'

/** Where relative paths begin, and what may be read. */
export type AttachmentPlace = { workspace: Workspace; base: string }

export type ImageSources = {
  limitBytes: number
  fetchRemote: RemoteFetcher['fetch']
  signal: AbortSignal
  /** Absent: paths are refused, only URLs are taken. */
  place?: AttachmentPlace
}

/** A picture from a path in the workspace, a `data:` URL or an http(s) URL. */
export async function resolveImage(
  reference: string,
  field: string,
  sources: ImageSources,
): Promise<ImagePart> {
  const bytes = await bytesOf(reference, field, sources)
  return toImagePart(bytes, field, sources.limitBytes)
}

async function bytesOf(reference: string, field: string, sources: ImageSources): Promise<Buffer> {
  const { limitBytes, place } = sources
  if (/^data:/i.test(reference)) return readDataUrl(reference, field, limitBytes)
  if (/^https?:/i.test(reference)) return sources.fetchRemote(reference, field, sources.signal)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(reference)) {
    throw refuse(
      field,
      `pictures cannot come from ${reference.slice(0, reference.indexOf(':'))}: URLs. Use http, https or data.`,
    )
  }
  if (!place)
    throw refuse(
      field,
      'it is not an http, https or data URL. Name files in `claude_options.images`.',
    )
  return place.workspace.file(reference, place.base, field, {
    bytes: limitBytes,
    setting: 'IMAGE_LIMIT_MB',
  })
}

/** How many pictures are fetched or read at once. */
const concurrency = 4

/** Resolves references in order, each different one once; the first failure ends the rest. */
export async function resolveImages(
  references: { reference: string; field: string }[],
  sources: ImageSources,
): Promise<Map<string, ImagePart>> {
  const first = new Map(references.toReversed().map(({ reference, field }) => [reference, field]))
  const pending = [...first].toReversed()
  const found = new Map<string, ImagePart>()
  const stop = new AbortController()
  const signal = AbortSignal.any([sources.signal, stop.signal])
  const work = async () => {
    for (let next = pending.shift(); next; next = pending.shift()) {
      const [reference, field] = next
      signal.throwIfAborted()
      found.set(reference, await resolveImage(reference, field, { ...sources, signal }))
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, work))
  } catch (error) {
    stop.abort(
      new TurnError('request_cancelled', 'Another picture of the request failed.', {
        cause: error,
      }),
    )
    throw error
  }
  return found
}

/** Every picture of every message as its bytes, whatever it was before. */
export async function resolveImageParts(
  messages: readonly Message[],
  sources: ImageSources,
): Promise<Message[]> {
  const urls = messages.flatMap((message) =>
    message.role === 'assistant' ? [] : message.content.flatMap(urlOf),
  )
  if (urls.length === 0) return [...messages]
  const found = await resolveImages(urls, sources)
  const resolved = (part: UserPart): UserPart =>
    (part.type === 'image' && part.source.type === 'url' && found.get(part.source.url)) || part
  return messages.map((message) =>
    message.role === 'assistant' ? message : { ...message, content: message.content.map(resolved) },
  )
}

function urlOf(part: UserPart): { reference: string; field: string }[] {
  if (part.type !== 'image' || part.source.type !== 'url') return []
  return [{ reference: part.source.url, field: part.source.field }]
}
