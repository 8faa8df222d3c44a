/** Keys as they look in any text. Each keeps what stands before the key, so that a line still says what was there. */
const patterns: readonly [RegExp, string][] = [
  // Anthropic's and OpenAI's keys.
  [/\bsk-[\w-]{8,}/g, 'sk-[redacted]'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{4,}/gi, '$1 [redacted]'],
  // `x-api-key: …`, `"apiKey":"…"`, `?api_key=…`, also in JSON within JSON.
  [/(api[-_]?key(?:\\*")?\s*[:=]\s*(?:\\*")?)[^\s"\\,;&}]+/gi, '$1[redacted]'],
  // A name and password in an address.
  [/(\b[a-z][a-z\d+.-]*:\/\/)[^/@\s"\\]+@/gi, '$1[redacted]@'],
]

/** Nearly every line has nothing of the kind, and one look is cheaper than four. */
const suspicious = /sk-|bearer|basic|api[-_]?key|:\/\//i

/** Makes a function that takes keys and the given secrets out of a text; a JSON text stays JSON. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const written = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
  // The longest first, so that a secret within another leaves nothing of it behind.
  const known = [...new Set(written)]
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
  return (text) => {
    if (!known.some((secret) => text.includes(secret)) && !suspicious.test(text)) return text
    const withoutKnown = known.reduce(
      (result, secret) => result.replaceAll(secret, () => '[redacted]'),
      text,
    )
    return patterns.reduce(
      (result, [pattern, replacement]) => result.replace(pattern, replacement),
      withoutKnown,
    )
  }
}
