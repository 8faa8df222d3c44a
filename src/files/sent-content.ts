import type { StoredFile } from '../storage/parts/files.ts'
import { TurnError } from '../turn/error.ts'
import type { FileBook } from './file-book.ts'

export type SentFileOptions = {
  owner: string
  files: Pick<FileBook, 'find' | 'open'>
  /** The most bytes of one file. */
  limitBytes: number
}

/** All uploaded files of one request together, in bytes, unless the owner allows one larger file: 32 MB of base64, which the API takes. */
const totalBytes = 24 * 1024 * 1024

/**
 * Reads the uploaded files that one request names, as `data:` URLs. Throws a `TurnError` that names the field: `invalid_value` for a file
 * that is not there, or too large alone or with the others. A request is small, however much it names: so sizes are looked at first.
 */
export class SentContent {
  readonly #options: SentFileOptions
  #leftBytes: number

  constructor(options: SentFileOptions) {
    this.#options = options
    this.#leftBytes = Math.max(totalBytes, options.limitBytes)
  }

  /** `otherwise`: what the caller may do instead of uploading it, for the message. */
  async read(
    id: string,
    param: string,
    otherwise: string,
  ): Promise<{ filename: string; url: string }> {
    const { owner, files } = this.#options
    const file = await files.find(owner, id).catch(missing(id, param, otherwise))
    this.#spend(file, param)
    const { content } = await files.open(owner, id).catch(missing(id, param, otherwise))
    const pieces: Uint8Array[] = []
    for await (const piece of content) pieces.push(piece)
    const data = Buffer.concat(pieces).toString('base64')
    // Its content says what it is.
    return { filename: file.filename, url: `data:application/octet-stream;base64,${data}` }
  }

  #spend({ bytes }: StoredFile, param: string): void {
    const { limitBytes } = this.#options
    if (bytes > limitBytes) {
      throw refused(
        param,
        `names a file of ${bytes} bytes; in a request it may have ${limitBytes}. The owner of this server can raise FILE_LIMIT_MB.`,
      )
    }
    this.#leftBytes -= bytes
    if (this.#leftBytes >= 0) return
    throw refused(
      param,
      `names a file with which the uploaded files of this request have more than ${Math.max(totalBytes, limitBytes)} bytes together. Name fewer.`,
    )
  }
}

function missing(id: string, param: string, otherwise: string): (error: unknown) => never {
  return (error) => {
    const { code } = TurnError.from(error)
    if (code !== 'file_not_found') throw error
    const shown = JSON.stringify(id.slice(0, 100))
    throw refused(
      param,
      `is ${shown}, which is no file of yours. Upload it with POST /v1/files, or ${otherwise}.`,
    )
  }
}

function refused(param: string, problem: string): TurnError {
  return new TurnError('invalid_value', `${param} ${problem}`, { param })
}
