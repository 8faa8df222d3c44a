/** What a key has used, what is set aside for running turns included. */
export type Meter = {
  /** As of when: the database's clock. */
  atMs: number
  /** How full the buckets of a minute are. */
  requests: number
  tokens: number
  /** Turns that run. */
  turns: number
  /** Days since 1970 in UTC, and what that day has cost in millionths of a dollar. */
  day: number
  dayMicros: number
  /** Months since year 0 in UTC. */
  month: number
  monthMicros: number
}

/** What is set aside for one request, and in which day and month. */
export type Reservation = {
  day: number
  month: number
  tokens: number
  turns: number
  micros: number
}

/** What is to be written: the meter, and a reservation where one is made. */
export type Decided = { meter: Meter; reservation?: Reservation }

/**
 * The meters of keys. Each function is one transaction that has the key's meter to itself, over all nodes; the functions that it is given
 * decide and do nothing else, since they may run again.
 */
export type Meters = {
  /** `expired`: reservations that nobody has renewed in time; they are gone. */
  reserve<D extends Decided>(
    keyId: string,
    reservation: { id: string; leaseMs: number },
    decide: (meter: Meter, expired: Reservation[], nowMs: number) => D,
  ): Promise<D>
  /** `reservation` is undefined when it had expired. */
  settle(
    keyId: string,
    id: string,
    decide: (meter: Meter, reservation: Reservation | undefined, nowMs: number) => Meter,
  ): Promise<void>
  /** Keeps reservations for so long from now; at most 500. */
  renew(ids: readonly string[], leaseMs: number): Promise<void>
  find(keyId: string): Promise<Meter | undefined>
  /**
   * Does with the reservations of one key that nobody has renewed in time what `reserve` would do at its next request; false when there are
   * none. For keys that ask nothing more.
   */
  release(decide: (meter: Meter, expired: Reservation[]) => Meter): Promise<boolean>
}

export type MeterRow = {
  key_id: string
  at_ms: number
  requests: number
  tokens: number
  turns: number
  day: number
  day_micros: number
  month: number
  month_micros: number
}

export type ReservationRow = Reservation & { id: string; key_id: string; until_ms: number }
