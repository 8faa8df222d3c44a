import { TurnError } from '../turn/error.ts'
import type { ModelSize, ModelSizes } from './model-sizes.ts'

/** A model as the CLI lists it when it starts (`initialize`). */
export type ListedModel = { value: string; resolvedModel?: string; displayName?: string }

/** Everything that a model's name may stand for on this server. */
export type KnownModels = {
  listed: readonly ListedModel[]
  /** The owner's own names (`MODEL_ALIASES`); they win over everything built in. */
  aliases: Readonly<Record<string, string>>
  /** Absent: the CLI chooses. */
  defaultModel?: string
  /** What OpenAI's `-mini` and `-nano` names stand for. */
  smallModel: string
}

export type ResolvedModel = {
  /** What to ask the CLI for; undefined is the CLI's own default. */
  model: string | undefined
  /** The name asked for, when another one is used and that must be disclosed. */
  mappedFrom?: string
}

/** The names that mean "whatever is configured". */
const defaultNames = new Set(['claude-code', 'default'])

/** The CLI's own short names (Claude Code 2.1.330); `[1m]` asks for the long context. */
const commandLineAlias = /^(?:sonnet|opus|haiku|fable|best|opusplan)(?:\[1m\])?$/

/** Full names: Anthropic's (`@date` is Vertex AI's form), Amazon Bedrock's, with or without a region, and its ARNs. */
const fullName = [
  /^claude-[\w.:@[\]-]+$/,
  /^(?:[a-z]+(?:-[a-z]+)?\.)?anthropic\.claude-[\w.:@[\]-]+$/,
  /^arn:aws[a-z-]*:bedrock:[\w:./[\]-]+$/,
]

/** Claude 1 to 3.7, which the API no longer serves. */
const retiredName = /^claude-(?:instant|v?[123])(?:-|$)/

const openAIName = /^(?:ft:)?(?:gpt-|chatgpt-|codex-|o\d+(?:-|$))/
const smallOpenAIName = /-(?:mini|nano)(?:[-:]|$)/

/** `anthropic/claude-sonnet-4.5:beta` as OpenRouter's users write it. */
const prefixedName = /^(?:openrouter\/)?(?:openai|anthropic|azure)\/(.+)$/

/** Finds the model for the name that a caller wrote. Throws `model_not_found`, with the list of what there is. */
export function resolveModel(name: string | undefined, known: KnownModels): ResolvedModel {
  if (name === undefined) return { model: known.defaultModel }
  const plainName = withoutPrefix(name)
  const alias = ownAlias(name, known) ?? ownAlias(plainName, known)
  // An alias may lead to a name that nobody here knows: it is how the owner reaches a deployment or a gateway's model.
  const found =
    alias === undefined ? lookUp(plainName, known) : (lookUp(alias, known) ?? { model: alias })
  if (!found) throw unknownModel(name, known)
  if (defaultNames.has(name) || found.model === name) return { model: found.model }
  return { model: found.model, mappedFrom: name }
}

function ownAlias(name: string, known: KnownModels): string | undefined {
  return Object.hasOwn(known.aliases, name) ? known.aliases[name] : undefined
}

/** The built-in rules, in order; undefined when none applies. */
function lookUp(name: string, known: KnownModels): { model: string | undefined } | undefined {
  if (defaultNames.has(name)) return { model: known.defaultModel }
  if (name === known.defaultModel || name === known.smallModel) return { model: name }
  if (known.listed.some(({ value, resolvedModel }) => name === value || name === resolvedModel)) {
    return { model: name }
  }
  if (commandLineAlias.test(name)) return { model: name }
  if (fullName.some((form) => form.test(name))) return { model: currentName(name) }
  if (openAIName.test(name)) {
    return { model: smallOpenAIName.test(name) ? known.smallModel : known.defaultModel }
  }
  return undefined
}

/** Anthropic's name for what others write with dots (`claude-sonnet-4.5`), and the heir of a retired model. */
function currentName(name: string): string {
  if (!name.startsWith('claude-') || name.includes('@')) return name
  const dashed = name.replace(/(\d)\.(?=\d)/g, '$1-')
  if (!retiredName.test(dashed)) return dashed
  if (dashed.includes('opus')) return 'opus'
  return /haiku|instant/.test(dashed) ? 'haiku' : 'sonnet'
}

function withoutPrefix(name: string): string {
  const inner = prefixedName.exec(name)?.[1]
  // OpenRouter's variants (`:free`, `:thinking`) are letters; a Bedrock version (`-v1:0`) is not.
  return inner === undefined ? name : inner.replace(/:[a-z]+$/, '')
}

function unknownModel(name: string, known: KnownModels): TurnError {
  const names = [...modelEntries(known.listed).map(({ id }) => id), ...Object.keys(known.aliases)]
  return new TurnError(
    'model_not_found',
    `The model ${JSON.stringify(name.slice(0, 100))} is not known here. There is: ${[...new Set(names)].join(', ')}; ` +
      'also every other Claude model by its full name (claude-…), and the names of OpenAI (gpt-…, o3 …), which stand for the ' +
      'default model. The owner of this server can add names with MODEL_ALIASES.',
    { param: 'model' },
  )
}

/** One model in `GET /v1/models`. */
export type ModelEntry = {
  id: string
  /** Unix seconds, from the date in the name; 0 when the name has none. */
  created: number
  owned_by: string
  display_name?: string
  /** Absent as long as Claude Code has not told it. */
  size?: ModelSize
}

/** What is known of models beyond their names. */
export type ModelFacts = {
  sizes: Pick<ModelSizes, 'of'>
  /** The owner's own names, and what they stand for. */
  aliases: Readonly<Record<string, string>>
  /** What `claude-code` stands for; absent: the CLI chooses. */
  defaultModel?: string
}

/**
 * What `GET /v1/models` lists: `claude-code`, the owner's own names, and each model that the CLI lists by its short and its full name.
 */
export function modelEntries(listed: readonly ListedModel[], facts?: ModelFacts): ModelEntry[] {
  const aliases = new Map(Object.entries(facts?.aliases ?? {}))
  const targetOf = (id: string): string => {
    const name = aliases.get(id) ?? id
    const value = defaultNames.has(name) ? (facts?.defaultModel ?? 'default') : name
    return listed.find((row) => row.value === value)?.resolvedModel ?? value
  }
  const entries = new Map<string, ModelEntry>()
  const add = (id: string, displayName: string | undefined): void => {
    if (entries.has(id)) return
    const size = facts?.sizes.of(targetOf(id))
    entries.set(id, {
      id,
      created: releaseTime(aliases.has(id) ? targetOf(id) : id),
      owned_by: 'anthropic',
      ...(displayName !== undefined && { display_name: displayName }),
      ...(size && { size }),
    })
  }
  add('claude-code', 'Claude Code (the configured default)')
  for (const id of aliases.keys()) add(id, id)
  for (const { value, displayName } of listed) add(value, displayName)
  // `default` resolves to a model that has a row of its own, whose display name fits better.
  for (const { value, resolvedModel, displayName } of listed) {
    if (resolvedModel !== undefined && value !== 'default') add(resolvedModel, displayName)
  }
  for (const { resolvedModel } of listed)
    if (resolvedModel !== undefined) add(resolvedModel, undefined)
  return [...entries.values()]
}

function releaseTime(id: string): number {
  const [, year, month, day] = /[-@](20\d\d)(\d\d)(\d\d)(?:$|\D)/.exec(id) ?? []
  const time = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  return Number.isNaN(time) ? 0 : time / 1000
}
