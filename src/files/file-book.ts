import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Blobs, Files, StoredFile } from '../storage/parts/files.ts'
import { TurnError } from '../turn/error.ts'
import { inPieces } from './pieces.ts'

/** What OpenAI's clients upload files for. */
export const purposes = [
  'assistants',
  'batch',
  'fine-tune',
  'vision',
  'user_data',
  'evals',
] as const
export type Purpose = (typeof purposes)[number] | 'batch_output'

export type Upload = {
  owner: string
  filename: string
  content: AsyncIterable<Uint8Array>
  /** Made by this server, and as large as it comes. */
  isOwn?: true
}

export type FileDetails = {
  purpose: Purpose
  /** From its creation on; absent: the owner of the server decides. */
  expiresAfterMs?: number
}

/** A file whose content is kept, and which nobody can see yet: a form may say what it is for behind it. */
export type ReceivedFile = StoredFile & { status: 'uploading' }

export type Page = { purpose?: string; after?: string; limit: number; order: 'asc' | 'desc' }

export type FileBookOptions = {
  /** Resolves when the storage is open. */
  storage: Promise<{ files: Files; blobs: Blobs }>
  /** The largest file, in bytes. */
  limitBytes: number
  /** How long files are kept that say nothing of it; absent: until they are deleted. */
  keepMs?: number
  /** How long files are kept whose key was revoked or has expired, and which nobody can reach any more; absent: as others. */
  keyKeepMs?: number
  now?: () => number
}

/** How long an upload may take before what is left of it counts as abandoned. */
const longestUploadMs = 24 * 3_600_000
const pieceBytes = 1024 * 1024

/** Uploaded files. Each owner sees its own only; what is another's is not found. */
export class FileBook {
  readonly #options: FileBookOptions
  readonly #now: () => number
  /** Lines of one file are asked for one after another. */
  readonly #pieces = new LRUCache<string, Uint8Array>({ max: 8 })

  constructor(options: FileBookOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /**
   * Keeps the content of a file, piece by piece; then `finish` or `discard` it. Throws `request_too_large`, what the content throws, and
   * `storage_unavailable`; then nothing of it is left.
   */
  async receive({ owner, filename, content, isOwn }: Upload): Promise<ReceivedFile> {
    const { files, blobs } = await this.#options.storage
    const file: ReceivedFile = {
      id: `file-${randomBytes(18).toString('base64url').replaceAll(/[-_]/g, 'x')}`,
      owner,
      filename,
      purpose: '',
      status: 'uploading',
      bytes: 0,
      createdMs: this.#now(),
    }
    await files.insert(file)
    try {
      let bytes = 0
      const counted = inPieces(content, pieceBytes, (size) => {
        bytes += size
        if (!isOwn && bytes > this.#options.limitBytes) throw this.#tooLarge()
      })
      await blobs.write(file.id, counted)
      return { ...file, bytes }
    } catch (error) {
      await this.#forget(file.id).catch(() => {})
      throw error
    }
  }

  /** From now on its owner can see it. */
  async finish(received: ReceivedFile, details: FileDetails): Promise<StoredFile> {
    const { files } = await this.#options.storage
    const file = this.finished(received, details)
    await files.finish(file)
    return file
  }

  /** As `finish` would keep it, for whoever keeps it together with something else. */
  finished(received: ReceivedFile, { purpose, expiresAfterMs }: FileDetails): StoredFile {
    const keepMs = expiresAfterMs ?? this.#options.keepMs
    return {
      ...received,
      purpose,
      status: 'processed',
      ...(keepMs !== undefined && { expiresMs: received.createdMs + keepMs }),
    }
  }

  /** It is not wanted after all. */
  discard({ id }: ReceivedFile): Promise<void> {
    return this.#forget(id)
  }

  async list(owner: string, page: Page): Promise<{ files: StoredFile[]; hasMore: boolean }> {
    const { files } = await this.#options.storage
    const found = await files.list({ owner, ...page, nowMs: this.#now() })
    return { files: found.slice(0, page.limit), hasMore: found.length > page.limit }
  }

  /** Throws `file_not_found`. */
  async find(owner: string, id: string): Promise<StoredFile> {
    const { files } = await this.#options.storage
    const file = await files.find(owner, id, this.#now())
    if (file) return file
    throw new TurnError('file_not_found', `No such File object: ${id.slice(0, 100)}`, {
      param: 'id',
    })
  }

  /** A file and its content, read as it is taken. Throws `file_not_found`. */
  async open(
    owner: string,
    id: string,
  ): Promise<{ file: StoredFile; content: AsyncIterable<Uint8Array> }> {
    const file = await this.find(owner, id)
    const { blobs } = await this.#options.storage
    return { file, content: blobs.read(id) }
  }

  /** Some bytes of a file that `find` found. */
  async range(id: string, at: number, bytes: number): Promise<Buffer> {
    const found: Uint8Array[] = []
    for (let position = at; position < at + bytes;) {
      const n = Math.floor(position / pieceBytes)
      const from = position - n * pieceBytes
      const piece = await this.#piece(id, n)
      const some = piece?.subarray(from, from + at + bytes - position)
      if (!some?.length) throw new TurnError('file_not_found', 'The file ends before these bytes.')
      found.push(some)
      position += some.length
    }
    return Buffer.concat(found)
  }

  async #piece(id: string, n: number): Promise<Uint8Array | undefined> {
    const name = `${id} ${n}`
    const known = this.#pieces.get(name)
    if (known) return known
    const { blobs } = await this.#options.storage
    const piece = await blobs.piece(id, n)
    if (piece) this.#pieces.set(name, piece)
    return piece
  }

  /** For good. Throws `file_not_found`. */
  async remove(owner: string, id: string): Promise<void> {
    await this.find(owner, id)
    await this.#forget(id)
  }

  /** Removes files that have expired, uploads that never ended, and what belongs to a key that is no more. */
  async clean(): Promise<void> {
    const { files } = await this.#options.storage
    const nowMs = this.#now()
    const begunBeforeMs = nowMs - longestUploadMs
    const keyEndedBeforeMs = nowMs - (this.#options.keyKeepMs ?? nowMs)
    for (;;) {
      const ids = await files.over({ nowMs, begunBeforeMs, keyEndedBeforeMs })
      if (ids.length === 0) return
      for (const id of ids) await this.#forget(id)
    }
  }

  /** The content first: whatever happens between, the row says that there is something to remove. */
  async #forget(id: string): Promise<void> {
    const { files, blobs } = await this.#options.storage
    await blobs.remove(id)
    for (const name of this.#pieces.keys()) {
      if (name.startsWith(`${id} `)) this.#pieces.delete(name)
    }
    await files.remove(id)
  }

  #tooLarge(): TurnError {
    return new TurnError(
      'request_too_large',
      `The file is larger than ${this.#options.limitBytes} bytes. The owner of this server can raise UPLOAD_LIMIT_MB.`,
      { param: 'file' },
    )
  }
}
