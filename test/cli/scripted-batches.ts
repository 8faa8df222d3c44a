import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A batch as the scripted API has it: what it was given, and how it ends. */
export type ScriptedBatch = {
  id: string
  metadata: Record<string, string>
  /** The lines of its input. */
  lines: { custom_id: string }[]
}

export type ScriptedEnd = {
  status: 'completed' | 'expired' | 'failed'
  /** Which lines have an answer; the others were not asked. */
  answered?: (id: string) => boolean
  errors?: { line: number; message: string }[]
}

/** OpenAI's batch API on loopback: each batch ends at the first look at it, as the test says. */
export interface ScriptedBatches extends AsyncDisposable {
  readonly url: string
  readonly batches: ScriptedBatch[]
  /** So many of the next requests for a batch are answered with a 503. */
  failing: number
  end: (batch: ScriptedBatch) => ScriptedEnd
}

export async function startScriptedBatches(): Promise<ScriptedBatches> {
  const uploads = new Map<string, ScriptedBatch['lines']>()
  const server = createServer((request, response) => {
    void answer(request, response)
  })
  const scripted: ScriptedBatches = {
    url: '',
    batches: [],
    failing: 0,
    end: () => ({ status: 'completed' }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const send = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof value === 'string' ? value : JSON.stringify(value))
    }
    const [, , kind, id = '', content] = (request.url ?? '').split(/[/?]/)
    const at = `${request.method} ${kind}`
    if (at === 'POST files') {
      const file = `file-${uploads.size + 1}`
      const lines = body.split(/\r?\n/).filter((line) => line.startsWith('{'))
      uploads.set(
        file,
        lines.map((line): { custom_id: string } => JSON.parse(line)),
      )
      send({ id: file })
    } else if (at === 'POST batches') {
      const wish = JSON.parse(body) as { input_file_id: string; metadata: Record<string, string> }
      const lines = uploads.get(wish.input_file_id) ?? []
      const batch = { id: `batch-${scripted.batches.length + 1}`, metadata: wish.metadata, lines }
      scripted.batches.push(batch)
      send({ ...shown(batch, { status: 'completed' }), status: 'validating' })
    } else if (at === 'GET batches' && id.startsWith('batch-')) {
      scripted.failing -= 1
      const batch = find(id)
      if (scripted.failing >= 0) send({ error: { message: 'Away for a moment.' } }, 503)
      else send(shown(batch, scripted.end(batch)))
    } else if (at === 'GET batches') {
      const data = scripted.batches.map((batch) => shown(batch, scripted.end(batch)))
      send({ data: data.toReversed(), has_more: false })
    } else if (at === 'GET files' && content === 'content') {
      const [batchId = '', part] = id.split('_')
      send(filesOf(find(batchId), scripted.end(find(batchId)))[part === 'out' ? 0 : 1])
    } else send({ error: { message: 'Not scripted.' } }, 404)
  }

  function find(id: string): ScriptedBatch {
    const batch = scripted.batches.find((one) => one.id === id)
    if (!batch) throw new Error(`No batch ${id}.`)
    return batch
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return Object.assign(scripted, { url: `http://127.0.0.1:${port}` })
}

function shown(batch: ScriptedBatch, end: ScriptedEnd): object {
  const isFailed = end.status === 'failed'
  return {
    id: batch.id,
    status: end.status,
    input_file_id: 'file-1',
    output_file_id: isFailed ? null : `${batch.id}_out`,
    error_file_id: isFailed ? null : `${batch.id}_err`,
    errors: end.errors ? { data: end.errors } : null,
    metadata: batch.metadata,
  }
}

/** The output and the error file. */
function filesOf(
  { lines }: ScriptedBatch,
  { answered = () => true }: ScriptedEnd,
): [string, string] {
  const file = (isAnswered: boolean): string =>
    lines
      .filter(({ custom_id: id }) => answered(id) === isAnswered)
      .map(({ custom_id: id }) => {
        const error = { code: 'batch_expired', message: 'Too late.' }
        const response = { status_code: 200, body: {} }
        const line = isAnswered ? { response, error: null } : { response: null, error }
        return `${JSON.stringify({ custom_id: id, ...line })}\n`
      })
      .join('')
  return [file(true), file(false)]
}
