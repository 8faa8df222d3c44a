import type { Environment } from './env.ts'
import { type FallbackConfig, readProvidersFile } from './providers-file.ts'
import type { SettingValues } from './schema.ts'

export type { FallbackConfig } from './providers-file.ts'

/** Claude Code's own name among the providers. */
export const claudeCodeName = 'claude-code'

type Reading = { fallbacks: FallbackConfig[]; problems: string[] }

/** The fallbacks in order: the numbered ones, then those of the file. A name used twice, or that is nobody's, is a problem. */
export function readFallbacks(values: SettingValues, environment: Environment = {}): Reading {
  const numbered = readNumbered(values)
  const filed = readProvidersFile(values.PROVIDERS_FILE, environment)
  const fallbacks = [...numbered.fallbacks, ...filed.fallbacks]
  const names = [claudeCodeName, ...fallbacks.map(({ name }) => name)]
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  const problems = [...numbered.problems, ...filed.problems]
  for (const name of twice) {
    problems.push(
      `FALLBACK_API_NAME_n is "${name}" more than once; give each fallback a name of its own`,
    )
  }
  const groups = new Set(fallbacks.flatMap(({ group }) => group ?? []))
  for (const name of values.PROVIDER_ORDER ?? []) {
    if (names.includes(name) || groups.has(name)) continue
    problems.push(`PROVIDER_ORDER names "${name}"; there is: ${names.join(', ')}`)
  }
  const passthrough = values.PASSTHROUGH_PROVIDER
  if (passthrough !== undefined && !names.slice(1).includes(passthrough)) {
    const there = names.slice(1).join(', ') || 'no fallback'
    problems.push(`PASSTHROUGH_PROVIDER is "${passthrough}"; there is: ${there}`)
  }
  return { fallbacks, problems }
}

/** A gap and a row without an address are problems. */
function readNumbered(values: SettingValues): Reading {
  const fallbacks: FallbackConfig[] = []
  const problems: string[] = []
  let lastGap: number | undefined
  for (const [index, url] of values.FALLBACK_API_URL.entries()) {
    const number = index + 1
    const name = values.FALLBACK_API_NAME[index]
    const key = values.FALLBACK_API_KEY[index]
    const model = values.FALLBACK_API_MODEL[index]
    const price = values.FALLBACK_API_PRICE[index]
    if (url === undefined) {
      lastGap ??= number
      for (const [part, value] of Object.entries({
        NAME: name,
        KEY: key,
        MODEL: model,
        PRICE: price,
      })) {
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
      ...(price === undefined ? {} : { price }),
    })
  }
  return { fallbacks, problems }
}
