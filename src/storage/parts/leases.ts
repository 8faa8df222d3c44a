/** What one process at a time may do, over all nodes. A lease that is not renewed is free after its time. */
export type Leases = {
  /** Takes or renews it; false while another owner has it. `ms`: for how long from now. */
  acquire(name: string, owner: string, ms: number): Promise<boolean>
  /** Frees it, if it is still the owner's. */
  release(name: string, owner: string): Promise<void>
}

/** All of them. */
export type StoredLeases = Leases & {
  /** Forgets those that have been free for longer than this. */
  clean(ms: number): Promise<void>
}
