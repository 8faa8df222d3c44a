/** The pattern of one file name, character by character; `*` is any run of characters. */
export type NamePattern = ('*' | ((character: string) => boolean))[]

/** Whether a text has characters that mean something in a pattern. */
export function hasWildcards(text: string): boolean {
  return /[*?[\]{}\\]/.test(text)
}

/** Reads `*`, `?`, `[abc]`, `[a-z]`, `[!a]` and `\` before a character that shall stand for itself. */
export function parseName(text: string): NamePattern {
  const pattern: NamePattern = []
  for (let rest = text; rest !== '';) {
    const set = /^\[([!^]?)(\]?[^\]]*)\]/su.exec(rest)
    if (rest.startsWith('*')) {
      if (pattern.at(-1) !== '*') pattern.push('*')
      rest = rest.slice(1)
    } else if (rest.startsWith('?')) {
      pattern.push(() => true)
      rest = rest.slice(1)
    } else if (set) {
      pattern.push(characterSet(set[2] ?? '', set[1] !== ''))
      rest = rest.slice(set[0].length)
    } else {
      const from = rest.length > 1 && rest.startsWith('\\') ? 1 : 0
      const [literal = ''] = rest.slice(from)
      pattern.push((character) => character === literal)
      rest = rest.slice(from + literal.length)
    }
  }
  return pattern
}

/**
 * Whether a name matches. When a character does not fit, only the last `*` is made longer: an earlier one need never be, so
 * the work is at most the product of both lengths.
 */
export function matchesName(pattern: NamePattern, name: string): boolean {
  const characters = Array.from(name)
  if (characters[0] === '.' && !saysDot(pattern)) return false
  let [at, step] = [0, 0]
  let star: { at: number; step: number } | undefined
  while (at < characters.length) {
    const wanted = pattern[step]
    if (wanted === '*') {
      step += 1
      star = { at, step }
    } else if (wanted?.(characters[at] ?? '')) {
      at += 1
      step += 1
    } else if (star) {
      star.at += 1
      at = star.at
      step = star.step
    } else {
      return false
    }
  }
  return pattern.slice(step).every((wanted) => wanted === '*')
}

/**
 * `{a,b}` written out: every text that a pattern stands for. Undefined when there are more than `most`. Braces without a comma
 * stand for themselves.
 */
export function expandBraces(pattern: string, most: number): string[] | undefined {
  const done: string[] = []
  const pending = [pattern]
  for (let text = pending.pop(); text !== undefined; text = pending.pop()) {
    const choice = firstChoice(text)
    if (choice) pending.push(...choice.toReversed())
    else done.push(text)
    if (done.length + pending.length > most) return undefined
  }
  return done
}

/** The texts that the first `{a,b}` with a comma stands for, each with what is around it. */
function firstChoice(text: string): string[] | undefined {
  for (let begin = 0; begin < text.length; begin++) {
    if (text[begin] === '\\') begin += 1
    else if (text[begin] === '{') {
      const [cuts, end] = cutsOf(text, begin)
      if (end !== undefined && cuts.length > 2) {
        return cuts
          .slice(1)
          .map(
            (cut, index) =>
              text.slice(0, begin) + text.slice((cuts[index] ?? 0) + 1, cut) + text.slice(end + 1),
          )
      }
    }
  }
  return undefined
}

/** Where a brace's alternatives are cut: at the brace, its own commas, and its end. */
function cutsOf(text: string, begin: number): [cuts: number[], end: number | undefined] {
  const cuts: number[] = []
  let depth = 0
  for (let at = begin; at < text.length; at++) {
    const character = text[at]
    if (character === '\\') at += 1
    else if (character === '{') depth += 1
    else if (character === '}') depth -= 1
    if (
      (character === '{' && at === begin) ||
      (character === ',' && depth === 1) ||
      (character === '}' && depth === 0)
    )
      cuts.push(at)
    if (depth === 0) return [cuts, at]
  }
  return [cuts, undefined]
}

/** Whether a pattern begins with a dot of its own: not with `?` or `[!…]`, which take nearly everything. */
function saysDot(pattern: NamePattern): boolean {
  const [first] = pattern
  return typeof first === 'function' && first('.') && !first('\u{10ffff}')
}

function characterSet(text: string, negated: boolean): (character: string) => boolean {
  const ranges: [string, string][] = []
  const characters = Array.from(text)
  for (let at = 0; at < characters.length; at++) {
    const low = characters[at] ?? ''
    const high = characters[at + 1] === '-' ? characters[at + 2] : undefined
    ranges.push([low, high ?? low])
    if (high !== undefined) at += 2
  }
  return (character) =>
    ranges.some(([low, high]) => low <= character && character <= high) !== negated
}
