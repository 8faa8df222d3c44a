import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'

/** What a setting may be: a sentence for people, and the parser that holds values to it. */
export type Kind<T> = {
  /** Completes "it may be …". */
  expects: string
  /** The value, or undefined when the text is not allowed. */
  parse(text: string): T | undefined
  /** A switch's flag may stand alone: `--strict-parameters`. */
  isSwitch?: true
}

/** Any text on one line. */
export const text: Kind<string> = {
  expects: 'text on one line',
  parse: (value) => (/[\r\n\0]/.test(value) ? undefined : value),
}

/** What can travel in an HTTP header: visible ASCII, no spaces. */
export const secretText: Kind<string> = {
  expects: 'visible ASCII characters without spaces',
  parse: (value) => (/^[\x21-\x7e]+$/.test(value) ? value : undefined),
}

export const trueOrFalse: Kind<boolean> = {
  expects: '`true` or `false`',
  parse: parseBoolean,
  isSwitch: true,
}

function parseBoolean(value: string): boolean | undefined {
  const word = value.toLowerCase()
  if (['true', '1', 'yes', 'on'].includes(word)) return true
  if (['false', '0', 'no', 'off'].includes(word)) return false
  return undefined
}

/** A whole number between two bounds, both allowed. */
export function integer(from: number, to: number): Kind<number> {
  return {
    expects: `a whole number from ${from} to ${to}`,
    parse: (value) => within(/^\d+$/.test(value), Number(value), from, to),
  }
}

/** The same, or `auto`: what fits the machine. */
export function integerOrAuto(from: number, to: number): Kind<number | 'auto'> {
  const number = integer(from, to)
  return {
    expects: `\`auto\` or a whole number from ${from} to ${to}`,
    parse: (value) => (value.toLowerCase() === 'auto' ? 'auto' : number.parse(value)),
  }
}

/** A number between two bounds, both allowed; fractions too. */
export function decimal(from: number, to: number): Kind<number> {
  return {
    expects: `a number from ${from} to ${to}`,
    parse: (value) => within(/^\d+(\.\d+)?$/.test(value), Number(value), from, to),
  }
}

function within(isNumber: boolean, value: number, from: number, to: number): number | undefined {
  return isNumber && value >= from && value <= to ? value : undefined
}

/** One of a few words, in any case. */
export function oneOf<const Word extends string>(...words: Word[]): Kind<Word> {
  return {
    expects: `one of ${words.map((word) => `\`${word}\``).join(', ')}`,
    parse: (value) => words.find((word) => word === value.toLowerCase()),
  }
}

/** A path, made absolute from the working folder; `~` is the owner's home folder. */
export const path: Kind<string> = {
  expects: 'a path (`~` is your home folder)',
  parse: (value) => (value.includes('\0') ? undefined : absolute(value)),
}

/** Paths, absolute, split at `:` (`;` on Windows) or `,`. */
export const paths: Kind<string[]> = {
  expects: `paths separated by \`:\` or \`,\` (on Windows \`;\` or \`,\`; \`~\` is your home folder)`,
  parse: (value) => nonEmpty(split(value, delimiter === ';' ? /[;,]/ : /[:,]/).map(absolute)),
}

function absolute(value: string): string {
  return /^~(?=$|[/\\])/.test(value) ? join(homedir(), value.slice(1)) : resolve(value)
}

/** `true` or `false`, or a path. */
export const switchOrPath: Kind<boolean | string> = {
  expects: '`true`, `false` or a path',
  parse: (value) => parseBoolean(value) ?? path.parse(value),
}

/** Words separated by commas, each matching the pattern. */
export function list(expects: string, item: RegExp): Kind<string[]> {
  return {
    expects: `${expects}, separated by commas`,
    parse: (value) => {
      const items = split(value, /,/)
      return items.every((word) => item.test(word)) ? nonEmpty(items) : undefined
    },
  }
}

/** Tool rules; a comma inside parentheses belongs to the rule: `Read, Bash(git *)`. */
export const toolRules: Kind<string[]> = {
  expects: 'tool rules separated by commas, such as `Read,Bash(git *)`',
  parse: (value) => {
    const rules = split(value, /,(?![^(]*\))/)
    return rules.every((rule) => /^[\w*-]+(\(.*\))?$/.test(rule)) ? nonEmpty(rules) : undefined
  },
}

/** `name=value` pairs separated by commas. */
export const pairs: Kind<Record<string, string>> = {
  expects: '`name=model` pairs separated by commas, such as `gpt-4o=sonnet,foo=opus`',
  parse: (value) => {
    const entries = split(value, /,/).map((pair) => /^([^\s=]+)\s*=\s*([^\s=]+)$/.exec(pair))
    const found: Record<string, string> = {}
    for (const entry of entries) {
      if (entry?.[1] === undefined || entry[2] === undefined) return undefined
      found[entry[1]] = entry[2]
    }
    return entries.length > 0 ? found : undefined
  },
}

/** What a million tokens cost: of the prompt, of the answer, and where it differs of the prompt's cached part. */
export const price: Kind<{ inputUsd: number; outputUsd: number; cachedInputUsd?: number }> = {
  expects:
    'US dollars a million tokens, of the prompt and of the answer, and if wanted of cached prompt tokens, such as `0.15,0.6` or `0.15,0.6,0.075`',
  parse: (value) => {
    const parts = value.split(',').map((part) => decimal(0, 1_000_000).parse(part.trim()))
    const [inputUsd, outputUsd, cachedInputUsd, ...more] = parts
    if (inputUsd === undefined || outputUsd === undefined || more.length > 0) return undefined
    if (parts.length === 2) return { inputUsd, outputUsd }
    return cachedInputUsd === undefined ? undefined : { inputUsd, outputUsd, cachedInputUsd }
  },
}

/** An http(s) address without a user name or password, as text without a slash at its end. */
export const httpUrl: Kind<string> = {
  expects:
    'an `http://` or `https://` address without user name or password, such as `https://api.openai.com/v1`',
  parse: (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined
    return url.username === '' && url.password === '' ? value.replace(/\/+$/, '') : undefined
  },
}

/** The address of a Postgres. */
export const databaseUrl: Kind<string> = {
  expects: 'the address of a Postgres, such as `postgres://user:password@host:5432/database`',
  parse: (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    return url !== undefined && /^postgres(ql)?:$/.test(url.protocol) ? value : undefined
  },
}

/** The secret of the Standard Webhooks scheme. */
export const webhookSecret: Kind<string> = {
  expects: '`whsec_` and 24 to 64 bytes in base64',
  parse: (value) => {
    const [, encoded] = /^whsec_([A-Za-z\d+/]+={0,2})$/.exec(value) ?? []
    const bytes = encoded === undefined ? undefined : Buffer.from(encoded, 'base64')
    if (bytes === undefined || bytes.length < 24 || bytes.length > 64) return undefined
    return bytes.toString('base64') === encoded ? value : undefined
  },
}

/** A secret that is long enough not to be guessed. */
export const passphrase: Kind<string> = {
  expects: 'at least 16 visible ASCII characters without spaces',
  parse: (value) => (value.length >= 16 ? secretText.parse(value) : undefined),
}

function split(value: string, separator: RegExp): string[] {
  return value
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function nonEmpty<T>(items: T[]): T[] | undefined {
  return items.length > 0 ? items : undefined
}
