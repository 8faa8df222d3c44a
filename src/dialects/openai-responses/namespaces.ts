import { createHash } from 'node:crypto'

type Json = Readonly<Record<string, unknown>>

/** The longest name of a tool. */
const longest = 64

/**
 * The name under which the model sees a tool of a namespace: both names in one, because a model knows no namespaces. One that would be too
 * long, or has other characters than names of tools may have, ends in a hash of the whole.
 */
export function innerName(name: string, namespace: string | undefined): string {
  if (namespace === undefined || namespace === '') return name
  const joined = `${namespace}__${name}`
  if (/^[\w-]+$/.test(joined) && joined.length <= longest) return joined
  const hash = createHash('sha256').update(joined).digest('hex').slice(0, 8)
  return `${joined.replaceAll(/[^\w-]/g, '_').slice(0, longest - 9)}_${hash}`
}

/** What a caller calls the tools of its namespaces, by the names that the model sees. */
export function namespacedNames(
  body: Json,
): ReadonlyMap<string, { name: string; namespace: string }> {
  const names = new Map<string, { name: string; namespace: string }>()
  for (const tool of toolsOf(body)) {
    if (tool.type !== 'namespace' || typeof tool.name !== 'string') continue
    const namespace = tool.name
    for (const { name } of objectsOf(tool.tools)) {
      if (typeof name === 'string') names.set(innerName(name, namespace), { name, namespace })
    }
  }
  return names
}

/** Every tool of a request, also of its input, as they were sent. */
export function toolsOf(body: Json): Json[] {
  const items = objectsOf(body.input).filter(({ type }) => type === 'additional_tools')
  return [body, ...items].flatMap(({ tools }) => objectsOf(tools))
}

function objectsOf(list: unknown): Json[] {
  if (!Array.isArray(list)) return []
  return list.filter((value): value is Json => typeof value === 'object' && value !== null)
}
