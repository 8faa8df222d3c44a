/** What is known of an uploaded file; its content is a blob of the same id. Times are epoch milliseconds. */
export type StoredFile = {
  id: string
  owner: string
  filename: string
  purpose: string
  /** `uploading` until its content is whole: such a file is nobody's to see. */
  status: 'uploading' | 'processed'
  bytes: number
  createdMs: number
  expiresMs?: number
}

export type FileQuery = {
  owner: string
  purpose?: string
  /** The id after which the page begins. */
  after?: string
  limit: number
  order: 'asc' | 'desc'
  nowMs: number
}

/** Uploaded files. One that has expired is not found any more. */
export interface Files {
  insert(file: StoredFile): Promise<void>
  /** The content is whole, and all is known. */
  finish(file: StoredFile): Promise<void>
  find(owner: string, id: string, nowMs: number): Promise<StoredFile | undefined>
  /** One more than the limit where there are more. */
  list(query: FileQuery): Promise<StoredFile[]>
  remove(id: string): Promise<void>
  /**
   * Ids of files that have expired, whose upload began before a time and never ended, or whose owner is a key that was revoked or expired before
   * a time; 100 at the most.
   */
  over(times: { nowMs: number; begunBeforeMs: number; keyEndedBeforeMs: number }): Promise<string[]>
}

/** A row of the table `file`. */
export type FileRow = {
  id: string
  owner: string
  filename: string
  purpose: string
  status: string
  bytes: number
  created_ms: number
  expires_ms: number | null
}

/** The content of files. */
export interface Blobs {
  /** Keeps the pieces under the id; when it resolves they are on the disk. Throws what `pieces` throws, and then keeps nothing. */
  write(id: string, pieces: AsyncIterable<Uint8Array>): Promise<void>
  /** In pieces of a megabyte at the most. Throws `storage_unavailable` for what is not whole. */
  read(id: string): AsyncIterable<Uint8Array>
  /** One piece, counted from 0; undefined behind the last. As they were written: `write` was given pieces of one size, but for the last. */
  piece(id: string, n: number): Promise<Uint8Array | undefined>
  /** Harmless when there is none. */
  remove(id: string): Promise<void>
}

/** A row of the table `file_chunk`, on Postgres only. */
export type FileChunkRow = { file: string; n: number; body: Uint8Array }
