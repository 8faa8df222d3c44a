import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { rawLines } from '../../batch/lines.ts'
import { CommandProblem } from '../command-problem.ts'

const lineSchema = z.looseObject({
  custom_id: z.string().nullish(),
  error: z.looseObject({ code: z.string().nullish() }).nullish(),
})

/** Codes of lines that were not asked. */
const unaskedCodes: ReadonlySet<unknown> = new Set(['batch_expired', 'batch_cancelled'])

export type FoundAnswer = {
  isError: boolean
  /** Not asked, because the batch ended first. */
  isUnasked: boolean
  /** When the batch of it ended, in milliseconds. */
  endedMs: number
}

type Place = FoundAnswer & { at: number; bytes: number }

/** The lines of output and error files by `custom_id`: on the disk, since together they may be large. */
export class Answers implements AsyncDisposable {
  readonly #path: string
  readonly #file: FileHandle
  readonly #places = new Map<string, Place>()
  #size = 0

  private constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  /** Keeps them in a new file at `path`, which goes at the end. */
  static async open(path: string): Promise<Answers> {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(path, 'wx+', 0o600)
    // Without a name it leaves nothing behind, however this ends; where open files cannot lose theirs it goes when it is closed.
    await rm(path).catch(() => {})
    return new Answers(path, file)
  }

  /** Adds a file of a batch. An answer stays over a failure; of several failures the last one stays. */
  async add(
    content: AsyncIterable<Uint8Array>,
    { isError, endedMs }: { isError: boolean; endedMs: number },
  ): Promise<void> {
    for await (const { content: line } of rawLines(content, Number.POSITIVE_INFINITY)) {
      if (line === undefined) continue
      const { custom_id: id, error } = read(line)
      if (typeof id !== 'string' || (isError && this.has(id))) continue
      await this.#file.write(line, 0, line.length, this.#size)
      const isUnasked = isError && unaskedCodes.has(error?.code)
      const place = { isError, isUnasked, endedMs, at: this.#size, bytes: line.length }
      this.#places.set(id, place)
      this.#size += line.length
    }
  }

  /** Whether it is answered. */
  has(id: string): boolean {
    return this.#places.get(id)?.isError === false
  }

  find(id: string): FoundAnswer | undefined {
    return this.#places.get(id)
  }

  /** The line as the server wrote it. */
  async read(id: string): Promise<Buffer | undefined> {
    const place = this.#places.get(id)
    if (place === undefined) return undefined
    const bytes = Buffer.alloc(place.bytes)
    await this.#file.read(bytes, 0, place.bytes, place.at)
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
    await rm(this.#path, { force: true })
  }
}

function read(line: Buffer): z.infer<typeof lineSchema> {
  try {
    return lineSchema.parse(JSON.parse(line.toString('utf8')))
  } catch {
    throw new CommandProblem("A line of the batch's files is not of OpenAI's batch API.")
  }
}
