import { Readable } from 'node:stream'
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import {
  type FileBook,
  type FileDetails,
  type Purpose,
  purposes,
  type ReceivedFile,
} from '../../files/file-book.ts'
import type { StoredFile } from '../../storage/parts/files.ts'
import { TurnError } from '../../turn/error.ts'
import { readPage, shownPage } from '../page.ts'
import type { RequestRecords } from '../request-records.ts'

/** The paths and their methods. */
export const filePaths = {
  '/v1/files': 'GET, POST',
  '/v1/files/:id': 'GET, DELETE',
  '/v1/files/:id/content': 'GET',
} as const

export type FileParts = { files: FileBook; records: RequestRecords; uploadLimitBytes: number }

type ById = { Params: { id: string } }

/** OpenAI's files: upload, list, retrieve, content, delete. */
export function mountFiles(app: FastifyInstance, parts: FileParts): void {
  const { files, records } = parts
  const ownerOf = (request: FastifyRequest): string => records.of(request).owner
  void app.register(async (scope) => {
    await scope.register(multipart, { throwFileSizeLimit: false })
    const bodyLimit = parts.uploadLimitBytes + formBytes
    scope.post('/v1/files', { bodyLimit }, async (request, reply) => {
      try {
        return await reply.send(shown(await upload(request, parts)))
      } catch (error) {
        // What is left of the form is not wanted; the caller may have to write it before it reads.
        if (!request.raw.readableEnded) {
          void reply.header('connection', 'close')
          request.raw.unpipe()
          request.raw.resume()
        }
        throw error
      }
    })
  })
  app.get('/v1/files', async (request, reply) => {
    const { files: found, hasMore } = await files.list(ownerOf(request), readQuery(request.query))
    return reply.send(shownPage(found.map(shown), hasMore))
  })
  app.get<ById>('/v1/files/:id', async (request, reply) =>
    reply.send(shown(await files.find(ownerOf(request), request.params.id))),
  )
  app.get<ById>('/v1/files/:id/content', async (request, reply) => {
    const { file, content } = await files.open(ownerOf(request), request.params.id)
    return reply
      .headers({
        'content-type': 'application/octet-stream',
        'content-length': file.bytes,
        // A page that a caller uploaded must not run as one of ours.
        'content-disposition': 'attachment',
        'x-content-type-options': 'nosniff',
      })
      .send(Readable.from(content, { objectMode: false }))
  })
  app.delete<ById>('/v1/files/:id', async (request, reply) => {
    const { id } = request.params
    await files.remove(ownerOf(request), id)
    return reply.send({ id, object: 'file', deleted: true })
  })
}

/** What a form has besides the file. */
const formBytes = 64 * 1024
const longestName = 255
const longestLifeSeconds = { least: 3_600, most: 2_592_000 }

async function upload(request: FastifyRequest, parts: FileParts): Promise<StoredFile> {
  if (!request.isMultipart()) {
    throw new TurnError(
      'unsupported_media_type',
      'A file is uploaded as multipart/form-data, with the parts `purpose` and `file`.',
    )
  }
  const limits = { fileSize: parts.uploadLimitBytes + 1, fields: 10, files: 1, fieldSize: 1_000 }
  const fields = new Map<string, string>()
  let received: ReceivedFile | undefined
  try {
    for await (const part of request.parts({ limits })) {
      if (part.type === 'field') fields.set(part.fieldname, String(part.value))
      else if (part.fieldname === 'file' && !received) {
        received = await parts.files.receive({
          owner: parts.records.of(request).owner,
          filename: nameOf(part.filename),
          content: part.file,
        })
      } else part.file.resume()
    }
    if (!received) throw missing('file', 'it must be a part with a file name')
    // Clients write the fields before the file or behind it.
    return await parts.files.finish(received, readFields(fields))
  } catch (error) {
    if (received) await parts.files.discard(received).catch(() => {})
    if (request.raw.destroyed && !request.raw.complete)
      throw new TurnError('request_cancelled', 'The caller left before the file was whole.')
    throw error
  }
}

function readFields(fields: ReadonlyMap<string, string>): FileDetails {
  const purpose = fields.get('purpose')
  const allowed = purposes.map((one) => `"${one}"`).join(', ')
  if (purpose === undefined) throw missing('purpose', `it must be one of ${allowed}`)
  if (!isPurpose(purpose)) {
    const got = JSON.stringify(purpose.slice(0, 60))
    throw new TurnError('invalid_value', `purpose must be one of ${allowed}; got ${got}.`, {
      param: 'purpose',
    })
  }
  const text = fields.get('expires_after[seconds]')
  if (text === undefined) return { purpose }
  const seconds = Number(text)
  const { least, most } = longestLifeSeconds
  if (!Number.isInteger(seconds) || seconds < least || seconds > most) {
    throw new TurnError(
      'invalid_value',
      `expires_after[seconds] must be a whole number from ${least} to ${most}.`,
      { param: 'expires_after[seconds]' },
    )
  }
  return { purpose, expiresAfterMs: seconds * 1000 }
}

function isPurpose(text: string): text is Purpose {
  return purposes.some((purpose) => purpose === text)
}

/** Only a name: no folders, nothing that a terminal or a header would act on. */
function nameOf(filename: string): string {
  const last = filename.split(/[/\\]/).at(-1) ?? ''
  const clean = last.replaceAll(/\p{Cc}/gu, '').slice(0, longestName)
  return clean === '' ? 'file' : clean
}

function readQuery(query: unknown): Parameters<FileBook['list']>[1] {
  const page = readPage(query, { usual: 10_000, most: 10_000 })
  const asked = new Map(Object.entries(Object(query) as Record<string, unknown>))
  const order = asked.get('order') ?? 'desc'
  if (order !== 'asc' && order !== 'desc') {
    throw new TurnError('invalid_value', 'order must be "asc" or "desc".', { param: 'order' })
  }
  const purpose = asked.get('purpose')
  return { ...page, order, ...(typeof purpose === 'string' && { purpose }) }
}

function missing(field: string, what: string): TurnError {
  return new TurnError('missing_required_parameter', `${field} is missing; ${what}.`, {
    param: field,
  })
}

/** A file as OpenAI's API shows it. */
function shown({ id, filename, purpose, bytes, createdMs, expiresMs }: StoredFile) {
  return {
    id,
    object: 'file' as const,
    bytes,
    created_at: Math.floor(createdMs / 1000),
    expires_at: expiresMs === undefined ? null : Math.floor(expiresMs / 1000),
    filename,
    purpose,
    status: 'processed' as const,
    status_details: null,
  }
}
