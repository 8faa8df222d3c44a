import type { Connection, Database, DatabaseEngine, StoreHealth } from './database.ts'
import { TurnError } from '../turn/error.ts'
import { isUnavailable, StorageRefusal, unavailable } from './failures.ts'

export type LastingOptions = {
  engine: DatabaseEngine
  open(onLost: (error: unknown) => void): Promise<Connection>
  /** Called once when the storage stops working, and once when it works again. */
  onChange?: (health: StoreHealth) => void
  /** How long between two looks while it does not work. */
  lookMs?: number
}

export type LastingDatabase = Database & {
  health(): StoreHealth
  close(): Promise<void>
}

/**
 * A database that outlives its connection: while it cannot be used, every use fails at once with `storage_unavailable`, and in the background
 * it is opened, or looked at, again. Throws at the start only what trying again does not mend.
 */
export async function openLasting(options: LastingOptions): Promise<LastingDatabase> {
  const database = new Lasting(options)
  await database.start()
  return database
}

class Lasting implements LastingDatabase {
  readonly engine: DatabaseEngine
  readonly #options: LastingOptions
  #connection: Connection | undefined
  #health: StoreHealth = { ok: true }
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isClosed = false

  constructor(options: LastingOptions) {
    this.engine = options.engine
    this.#options = options
  }

  async start(): Promise<void> {
    try {
      this.#connection = await this.#open()
    } catch (error) {
      if (!isUnavailable(error) || error instanceof StorageRefusal) throw error
      this.#failed(error)
    }
  }

  health(): StoreHealth {
    return this.#health
  }

  read: Database['read'] = (work) => this.#use((connection) => connection.read(work))

  write: Database['write'] = (work) => this.#use((connection) => connection.write(work))

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#looking
    await this.#connection?.close()
  }

  #open(): Promise<Connection> {
    return this.#options.open((error) => this.#failed(error))
  }

  async #use<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = this.#connection
    if (connection === undefined) throw this.#notOpen()
    try {
      const value = await use(connection)
      return value
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }

  /** The reason is the message of the failure that began it, a whole sentence already. */
  #notOpen(): TurnError {
    const { reason } = this.#health
    return reason === undefined
      ? unavailable('it is not open.')
      : new TurnError('storage_unavailable', reason, { retryAfterMs: 5_000 })
  }

  /** Notes a failure of the storage itself; a query that was wrong says nothing of it. */
  #failed(error: unknown): void {
    if (!isUnavailable(error) || this.#isClosed) return
    this.#timer ??= setTimeout(() => this.#lookAgain(), this.#options.lookMs ?? 2_000).unref()
    this.#tell({ ok: false, reason: error.message })
  }

  #lookAgain(): void {
    this.#timer = undefined
    this.#looking = this.#look()
  }

  async #look(): Promise<void> {
    try {
      if (this.#connection === undefined) this.#connection = await this.#open()
      else await this.#connection.probe()
      this.#tell({ ok: true })
    } catch (error) {
      // Also what the start would not have gone on with: another server may leave the folder.
      this.#failed(isUnavailable(error) ? error : unavailable(messageOf(error), error))
    }
  }

  #tell(health: StoreHealth): void {
    const isChange = health.ok !== this.#health.ok
    this.#health = health
    if (isChange) this.#options.onChange?.(health)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
