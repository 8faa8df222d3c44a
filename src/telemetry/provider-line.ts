import type { ProviderState, ProviderSwitched } from './events.ts'

/** A change of a provider's breaker, as a sentence: `backup failed (upstream_error) and rests until 2026-11-28T12:00:00.000Z`. */
export function providerLine({ provider, state, code, until }: ProviderState): string {
  const end = until === undefined ? '' : ` until ${until}`
  const why = code === undefined ? '' : ` (${code})`
  switch (state) {
    case 'closed':
      return `${provider} is well again`
    case 'open':
      return `${provider} failed${why} and rests${end}`
    case 'paused':
      return `${provider} asked for a pause${why}${end}`
    case 'probing':
      return `${provider} is tried with one request`
    default:
      return `${provider}: ${state}${why}${end}`
  }
}

/** One request that goes on to somebody else. */
export function switchLine({ from, to, code, id }: ProviderSwitched): string {
  return `${from} failed (${code}); asking ${to} ${id}`
}
