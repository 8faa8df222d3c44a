import { type OpenAI, toFile } from 'openai'
import { until } from '../api/server/support.ts'

export type BatchLine = {
  custom_id: string
  response: { status_code: number; request_id: string; body: Answered } | null
  error: { code: string; message: string } | null
}

type Answered = Partial<OpenAI.ChatCompletion> & { error?: { code: string; param: string | null } }

/** A line that asks one question. */
export function asking(
  id: string,
  content = `Question ${id}`,
  body: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'claude-code', messages: [{ role: 'user', content }], ...body },
  }
}

export function jsonLines(lines: readonly unknown[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** Uploads the lines and begins a batch of them. */
export async function begin(
  client: OpenAI,
  lines: readonly unknown[] | string,
  more: Partial<OpenAI.BatchCreateParams> = {},
): Promise<OpenAI.Batch> {
  const text = typeof lines === 'string' ? lines : jsonLines(lines)
  const file = await client.files.create({
    file: await toFile(Buffer.from(text), 'lines.jsonl'),
    purpose: 'batch',
  })
  return client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    ...more,
  })
}

const ends = new Set<string>(['failed', 'completed', 'expired', 'cancelled'])

/** Waits until it has ended. */
export async function ended(
  client: OpenAI,
  id: string,
  patienceMs = 60_000,
): Promise<OpenAI.Batch> {
  let batch = await client.batches.retrieve(id)
  const isOver = async (): Promise<boolean> => {
    batch = await client.batches.retrieve(id)
    return ends.has(batch.status)
  }
  await until('the batch has ended', isOver, patienceMs)
  return batch
}

/** The lines of an output or error file. */
export async function linesOf(client: OpenAI, id: string | null | undefined): Promise<BatchLine[]> {
  if (!id) return []
  const text = await (await client.files.content(id)).text()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): BatchLine => JSON.parse(line))
}

export function textOf({ response }: BatchLine): string | null | undefined {
  return response?.body.choices?.[0]?.message.content
}
