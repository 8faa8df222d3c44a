import type { ClaudeOptions } from '../../turn/claude-options.ts'
import type { Message, UserPart } from '../../turn/message.ts'
import { readFiles } from './files.ts'
import {
  type AttachmentPlace,
  type ImageSources,
  resolveImageParts,
  resolveImages,
} from './images.ts'
import { resolveSentFiles } from './sent-files.ts'
import { createRemoteFetcher, type RemoteFetcher } from './remote.ts'

export type AttachmentsOptions = {
  /** The largest file, named or sent along (FILE_LIMIT_MB). */
  fileBytes: number
  /** The largest picture, wherever it comes from (IMAGE_LIMIT_MB). */
  imageBytes: number
  allowPrivateNetwork: boolean
}

/** All files of a request together, in bytes: what the Anthropic API takes, unless the owner allows one larger file. */
const totalFileBytes = 24 * 1024 * 1024
/** Files of a request. */
const fileCount = 200
/** Of one fetch, redirects and body together. */
const fetchTimeoutMs = 15_000
const fetchRedirects = 3

/** What a request names outside itself, made into parts of its messages. Fails with `invalid_value` or `forbidden`, naming the field. */
export class Attachments {
  readonly #options: AttachmentsOptions
  readonly #remote: RemoteFetcher

  constructor(options: AttachmentsOptions) {
    this.#options = options
    this.#remote = createRemoteFetcher({
      allowPrivateNetwork: options.allowPrivateNetwork,
      limits: { bytes: options.imageBytes, timeoutMs: fetchTimeoutMs, redirects: fetchRedirects },
    })
  }

  /** `claude_options.files`, then `claude_options.images`, each in the caller's order. */
  async read(
    claude: Pick<ClaudeOptions, 'files' | 'images'>,
    place: AttachmentPlace,
    signal: AbortSignal,
  ): Promise<UserPart[]> {
    const { fileBytes, imageBytes } = this.#options
    const limits = {
      fileBytes,
      imageBytes,
      totalBytes: Math.max(totalFileBytes, fileBytes),
      count: fileCount,
    }
    const files = await readFiles(claude.files, place, limits, signal)
    const references = claude.images.map((reference, index) => ({
      reference,
      field: `claude_options.images[${index}]`,
    }))
    const found = await resolveImages(references, { ...this.#sources(signal), place })
    return [...files, ...references.flatMap(({ reference }) => found.get(reference) ?? [])]
  }

  /** The messages with the bytes of every picture that they only name, and every file looked into. Paths are not taken here. */
  async resolve(messages: readonly Message[], signal: AbortSignal): Promise<Message[]> {
    return resolveSentFiles(await resolveImageParts(messages, this.#sources(signal)), this.#options)
  }

  close(): Promise<void> {
    return this.#remote.close()
  }

  #sources(signal: AbortSignal): Omit<ImageSources, 'place'> {
    return {
      limitBytes: this.#options.imageBytes,
      fetchRemote: (...call) => this.#remote.fetch(...call),
      signal,
    }
  }
}
