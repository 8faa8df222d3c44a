/** The same object without what is null or undefined: to an OpenAI client, null means absent. */
export function withoutAbsent<T extends object>(value: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const present = Object.entries(value).filter(([, field]) => field !== null && field !== undefined)
  return Object.fromEntries(present) as { [K in keyof T]?: NonNullable<T[K]> }
}
