import type { CacheControl } from '../turn/backend.ts'

/** What a request's `Cache-Control` says to our cache; what we do not know is left alone, as HTTP has it. */
export function readCacheControl(header: string | undefined): CacheControl {
  if (header === undefined) return {}
  const control: CacheControl = {}
  for (const directive of header.toLowerCase().split(',')) {
    const [name = '', value = ''] = directive.trim().split('=', 2)
    if (name === 'no-store') control.noStore = true
    if (name === 'no-cache') control.noCache = true
    if (name === 'max-age' && /^"?\d+"?$/.test(value)) {
      control.maxAgeMs = Number(value.replaceAll('"', '')) * 1000
    }
  }
  return control
}
