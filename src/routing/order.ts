import type { Provider } from './provider.ts'

type Ordered = Pick<Provider, 'group' | 'weight'>

/**
 * The order of one request: as configured, but the members of a group, which stand where the first of them does, are drawn by
 * weight. `random` gives numbers from 0 to 1.
 */
export function orderOf<P extends Ordered>(providers: readonly P[], random: () => number): P[] {
  if (providers.every(({ group }) => group === undefined)) return [...providers]
  const places = new Map<unknown, P[]>()
  for (const provider of providers) {
    const place = provider.group ?? provider
    const members = places.get(place)
    if (members) members.push(provider)
    else places.set(place, [provider])
  }
  return [...places.values()].flatMap((members) => drawn(members, random))
}

function drawn<P extends Ordered>(members: readonly P[], random: () => number): P[] {
  const left = [...members]
  const order: P[] = []
  while (left.length > 0) {
    let at = random() * left.reduce((sum, { weight }) => sum + weight, 0)
    const index = left.findIndex(({ weight }) => (at -= weight) < 0)
    order.push(...left.splice(Math.max(index, 0), 1))
  }
  return order
}

/** The providers with those that `names` names first, in its order; a group's name stands for its members. */
export function inOrder<P extends Pick<Provider, 'group'> & { backend: { name: string } }>(
  providers: readonly P[],
  names: readonly string[],
): P[] {
  const named = names.flatMap((name) =>
    providers.filter(({ backend, group }) => backend.name === name || group === name),
  )
  return [...new Set([...named, ...providers])]
}
