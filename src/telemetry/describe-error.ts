/** An error as a log writes it. */
export type ErrorDescription = {
  type: string
  message: string
  code?: string
  stack?: string
  cause?: ErrorDescription
}

/** Causes deeper than this are left out; a cause may also be its own. */
const deepestCause = 5

/**
 * Describes any thrown value. Without `content` the message of a `SyntaxError` is left out: a JSON parser quotes in it
 * the text that it was given.
 */
export function describeError(
  thrown: unknown,
  options: { content: boolean },
  depth = 0,
): ErrorDescription {
  if (!(thrown instanceof Error)) {
    return { type: typeof thrown, message: options.content ? String(thrown) : '(not an Error)' }
  }
  const quotes = thrown instanceof SyntaxError && !options.content
  const frames = thrown.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined
  const cause =
    thrown.cause === undefined || depth >= deepestCause
      ? undefined
      : describeError(thrown.cause, options, depth + 1)
  return {
    type: thrown.name,
    message: quotes ? '(left out: it quotes what was parsed)' : thrown.message,
    ...(code === undefined ? {} : { code }),
    ...(frames.length === 0 ? {} : { stack: frames.join('\n') }),
    ...(cause === undefined ? {} : { cause }),
  }
}
