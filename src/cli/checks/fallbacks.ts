import { ok, warning, type Finding } from './check.ts'

/** How long a fallback may take to answer, in milliseconds. */
const patienceMs = 3000

/** Each fallback's address answers, no matter what. Its key is not sent. */
export async function checkFallbacks(
  fallbacks: readonly { name: string; url: string }[],
): Promise<Finding[]> {
  if (fallbacks.length === 0) return [ok('fallbacks', 'none configured')]
  return Promise.all(fallbacks.map(checkFallback))
}

async function checkFallback({ name, url }: { name: string; url: string }): Promise<Finding> {
  const { origin, pathname } = new URL(url)
  try {
    const response = await fetch(origin + pathname, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(patienceMs),
    })
    await response.body?.cancel()
    return ok('fallbacks', `${name} answers at ${origin}`)
  } catch (error) {
    return warning(
      'fallbacks',
      `${name} does not answer at ${origin} (${reason(error)})`,
      `Check the FALLBACK_API_URL_n of ${name}, and the network.`,
    )
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'TimeoutError') return `nothing within ${patienceMs / 1000} s`
  const cause: unknown = error.cause
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : error.name
}
