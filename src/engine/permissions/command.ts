/** Where one command of a line ends and the next begins. */
const separator = /^(?:&&|\|\||\|&|;;|[;&|\n])/
/** Output that goes nowhere, or to another open output, changes no file. */
const harmlessRedirect =
  /^(?:&>>?\s*\/dev\/null|>>?\s*(?:&\d|\/dev\/null)|<\s*\/dev\/null)(?=[\s;&|]|$)/
/** What would run or read something that the words of the line do not show. */
const hidden = /^(?:`|\$[({'"]|[<>(){}]|\\\n)/
const hiddenInQuotes = /^(?:`|\$[({]|\\\n)/

/**
 * The simple commands of a shell line, or nothing when the line has more than words, quotes and separators (substitutions,
 * redirections into files, groups, functions): then it cannot be told what would run. Narrower than a shell on purpose; Claude
 * Code's own matcher judges the line too, and both must agree.
 */
export function simpleCommands(line: string): string[] | undefined {
  const commands: string[] = []
  let command = ''
  let index = 0
  while (index < line.length) {
    const rest = line.slice(index)
    const redirect = harmlessRedirect.exec(rest)
    const end = separator.exec(rest)
    const quoted = quotedPart(rest)
    if (redirect) {
      command = command.replace(/(^|\s)\d$/, '$1')
      index += redirect[0].length
    } else if (end) {
      commands.push(command)
      command = ''
      index += end[0].length
    } else if (quoted === undefined || hidden.test(rest)) {
      return undefined
    } else {
      command += quoted
      index += quoted.length
    }
  }
  return [...commands, command].map((text) => text.trim()).filter((text) => text !== '')
}

/** The quoted text, escaped character or plain character that begins here; nothing when it cannot be judged. */
function quotedPart(rest: string): string | undefined {
  if (rest.startsWith('\\')) return rest.length > 1 ? rest.slice(0, 2) : undefined
  if (rest.startsWith("'")) {
    const end = rest.indexOf("'", 1)
    return end === -1 ? undefined : rest.slice(0, end + 1)
  }
  if (!rest.startsWith('"')) return rest.slice(0, 1)
  for (let index = 1; index < rest.length; index++) {
    if (hiddenInQuotes.test(rest.slice(index, index + 2))) return undefined
    if (rest[index] === '\\') index++
    else if (rest[index] === '"') return rest.slice(0, index + 1)
  }
  return undefined
}

/** Whether `git *`, `git:*` or `npm run build` covers a simple command. `git *` covers a bare `git` too, and never `gitk`. */
export function matchesCommand(pattern: string, command: string): boolean {
  const spelled = pattern.endsWith(':*') ? `${pattern.slice(0, -2)} *` : pattern
  if (spelled.endsWith(' *') && command === spelled.slice(0, -2)) return true
  const source = spelled
    .split('*')
    .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*')
  return new RegExp(`^${source}$`, 's').test(command)
}
