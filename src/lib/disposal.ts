/** Things that were opened, to be closed in reverse order. */
export interface Disposal {
  /** Closes it at the end; gives it back. */
  use<T extends AsyncDisposable>(thing: T): T
  defer(close: () => unknown): void
  /** Closes everything, whatever fails on the way; throws the first failure at the end. */
  dispose(): Promise<void>
}

/** `AsyncDisposableStack` for Node 20, which has the symbol but not the class. */
export function disposal(): Disposal {
  const closers: (() => unknown)[] = []
  return {
    use(thing) {
      closers.push(() => thing[Symbol.asyncDispose]())
      return thing
    },
    defer(close) {
      closers.push(close)
    },
    async dispose() {
      const failures: unknown[] = []
      for (let close = closers.pop(); close; close = closers.pop()) {
        try {
          await close()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
