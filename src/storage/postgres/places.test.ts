import { expect, it } from 'vitest'
import { Places } from './places.ts'

it('gives places to those who wait in the order in which they came', async () => {
  const places = new Places(1)
  const first = await places.take(0)
  const order: string[] = []
  const waiting = ['a', 'b'].map(async (name) => {
    const leave = await places.take(60_000)
    order.push(name)
    leave?.()
  })
  expect(order).toEqual([])
  first?.()
  // Given back once, however often it is called.
  first?.()
  await Promise.all(waiting)
  expect(order).toEqual(['a', 'b'])
  const [one, other] = [places.take(0), places.take(1)]
  expect(typeof one).toBe('function')
  expect(await other).toBeUndefined()
})

it('forgets who has lost patience', async () => {
  const places = new Places(1)
  const first = await places.take(0)
  expect(await places.take(1)).toBeUndefined()
  first?.()
  expect(typeof places.take(0)).toBe('function')
})
