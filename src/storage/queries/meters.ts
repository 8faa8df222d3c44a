import { sql } from 'kysely'
import type { Database, Queries } from '../database.ts'
import { nowMs } from '../now.ts'
import type { Meter, MeterRow, Meters, Reservation, ReservationRow } from '../parts/meters.ts'

export function createMeters(database: Database): Meters {
  const now = nowMs(database.engine)

  /** The key's meter, which nobody else can change until the transaction ends. */
  const lock = async (queries: Queries, keyId: string): Promise<{ meter: Meter; ms: number }> => {
    const locking = queries
      .updateTable('key_meter')
      .set({ key_id: keyId })
      .where('key_id', '=', keyId)
      .returningAll()
      .returning(now.as('now_ms'))
    let locked = await locking.executeTakeFirst()
    if (locked === undefined) {
      await queries
        .insertInto('key_meter')
        .values(emptyRow(keyId))
        .onConflict((conflict) => conflict.column('key_id').doNothing())
        .execute()
      locked = await locking.executeTakeFirstOrThrow()
    }
    const { now_ms: ms, ...row } = locked
    return { meter: toMeter(row), ms }
  }

  return {
    reserve: (keyId, { id, leaseMs }, decide) =>
      database.write(async (queries) => {
        const { meter, ms } = await lock(queries, keyId)
        const decided = decide(meter, await takeExpired(queries, keyId, ms), ms)
        await save(queries, keyId, decided.meter)
        if (decided.reservation) {
          await queries
            .insertInto('key_reservation')
            .values({ id, key_id: keyId, until_ms: ms + leaseMs, ...decided.reservation })
            .execute()
        }
        return decided
      }),
    settle: (keyId, id, decide) =>
      database.write(async (queries) => {
        const { meter, ms } = await lock(queries, keyId)
        const row = await queries
          .deleteFrom('key_reservation')
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst()
        await save(queries, keyId, decide(meter, row && toReservation(row), ms))
      }),
    renew: async (ids, leaseMs) => {
      if (ids.length === 0) return
      await database.write((queries) =>
        queries
          .updateTable('key_reservation')
          .set({ until_ms: sql<number>`${now} + ${leaseMs}` })
          .where('id', 'in', [...ids])
          .execute(),
      )
    },
    find: (keyId) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('key_meter')
          .selectAll()
          .where('key_id', '=', keyId)
          .executeTakeFirst()
        return row && toMeter(row)
      }),
    release: async (decide) => {
      const left = await database.read((queries) =>
        queries
          .selectFrom('key_reservation')
          .select('key_id')
          .where('until_ms', '<=', now)
          .limit(1)
          .executeTakeFirst(),
      )
      if (left === undefined) return false
      await database.write(async (queries) => {
        const { meter, ms } = await lock(queries, left.key_id)
        await save(queries, left.key_id, decide(meter, await takeExpired(queries, left.key_id, ms)))
      })
      return true
    },
  }
}

/** Those that nobody has renewed in time; they are gone. */
async function takeExpired(queries: Queries, keyId: string, ms: number): Promise<Reservation[]> {
  const expired = await queries
    .deleteFrom('key_reservation')
    .where('key_id', '=', keyId)
    .where('until_ms', '<=', ms)
    .returningAll()
    .execute()
  return expired.map(toReservation)
}

async function save(queries: Queries, keyId: string, meter: Meter): Promise<void> {
  const { atMs, dayMicros, monthMicros, ...same } = meter
  await queries
    .updateTable('key_meter')
    .set({ ...same, at_ms: atMs, day_micros: dayMicros, month_micros: monthMicros })
    .where('key_id', '=', keyId)
    .execute()
}

function toMeter({ key_id: _key, ...row }: MeterRow): Meter {
  const { at_ms, day_micros, month_micros, ...same } = row
  return { ...same, atMs: at_ms, dayMicros: day_micros, monthMicros: month_micros }
}

function toReservation({ day, month, tokens, turns, micros }: ReservationRow): Reservation {
  return { day, month, tokens, turns, micros }
}

function emptyRow(keyId: string): MeterRow {
  return {
    key_id: keyId,
    at_ms: 0,
    requests: 0,
    tokens: 0,
    turns: 0,
    day: 0,
    day_micros: 0,
    month: 0,
    month_micros: 0,
  }
}
