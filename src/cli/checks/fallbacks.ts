import { request } from 'undici'
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
    // Not `fetch`, which refuses some ports that the server itself would use.
    const { body } = await request(origin + pathname, {
      method: 'HEAD',
      signal: AbortSignal.timeout(patienceMs),
    })
    await body.dump()
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
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
