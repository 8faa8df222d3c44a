import type { Batches } from '../storage/parts/batches.ts'
import type { StoredFile } from '../storage/parts/files.ts'
import type { Leases } from '../storage/parts/leases.ts'

export type BatchStorage = {
  readonly engine: 'sqlite' | 'postgres'
  readonly batches: Batches
  readonly leases: Leases
}

/** A file whose content is kept and which nobody can see yet. */
type Received = StoredFile & { status: 'uploading' }

/** What batches need of uploaded files. */
export type BatchFiles = {
  /** Throws `file_not_found`. */
  find(owner: string, id: string): Promise<StoredFile>
  open(owner: string, id: string): Promise<{ content: AsyncIterable<Uint8Array> }>
  range(id: string, at: number, bytes: number): Promise<Buffer>
  receive(upload: {
    owner: string
    filename: string
    content: AsyncIterable<Uint8Array>
    isOwn: true
  }): Promise<Received>
  finished(
    received: Received,
    details: { purpose: 'batch_output'; expiresAfterMs?: number },
  ): StoredFile
  discard(received: Received): Promise<void>
}

/** Who a line is asked for. */
export type LineCaller = { owner: string; keyId?: string }

export type LineRequest = {
  /** As in `x-request-id`. */
  id: string
  path: string
  /** JSON. */
  body: string
  caller: LineCaller
}

export type LineAnswer = {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** Asks one line as if its owner had sent it, whatever comes of it. */
export type Dispatch = (line: LineRequest) => Promise<LineAnswer>
