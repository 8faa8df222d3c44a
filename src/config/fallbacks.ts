import type { SettingValues } from './schema.ts'

/** An OpenAI-compatible API that answers when those before it cannot. */
export type FallbackConfig = { name: string; url: string; key?: string; model?: string }

/** The fallbacks in order. A gap, a row without an address and a name used twice are problems. */
export function readFallbacks(values: SettingValues): {
  fallbacks: FallbackConfig[]
  problems: string[]
} {
  const fallbacks: FallbackConfig[] = []
  const problems: string[] = []
  let lastGap: number | undefined
  for (const [index, url] of values.FALLBACK_API_URL.entries()) {
    const number = index + 1
    const name = values.FALLBACK_API_NAME[index]
    const key = values.FALLBACK_API_KEY[index]
    const model = values.FALLBACK_API_MODEL[index]
    if (url === undefined) {
      lastGap ??= number
      for (const [part, value] of Object.entries({ NAME: name, KEY: key, MODEL: model })) {
        if (value === undefined) continue
        problems.push(
          `FALLBACK_API_${part}_${number} is set but FALLBACK_API_URL_${number} is not; set both or neither`,
        )
      }
      continue
    }
    if (lastGap !== undefined) {
      problems.push(
        `FALLBACK_API_URL_${number} is set but FALLBACK_API_URL_${lastGap} is not; number fallbacks without gaps`,
      )
    }
    fallbacks.push({
      name: name ?? `fallback-${number}`,
      url,
      ...(key === undefined ? {} : { key }),
      ...(model === undefined ? {} : { model }),
    })
  }
  const names = fallbacks.map((fallback) => fallback.name)
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  for (const name of twice) {
    problems.push(
      `FALLBACK_API_NAME_n is "${name}" more than once; give each fallback a name of its own`,
    )
  }
  return { fallbacks, problems }
}
