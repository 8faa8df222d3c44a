import { expect, it } from 'vitest'
import { Snooze } from './snooze.ts'

it('a snooze ends when it is woken, also before it began, once for each time', async () => {
  const snooze = new Snooze()
  const order: string[] = []
  const long = snooze.pause(3_600_000).then(() => order.push('woken'))
  snooze.wake()
  await long
  snooze.wake()
  snooze.wake()
  await snooze.pause(3_600_000)
  const again = snooze.pause(3_600_000).then(() => order.push('woken again'))
  await new Promise(setImmediate)
  order.push('asleep')
  snooze.wake()
  await again
  await snooze.pause(1)
  expect(order).toEqual(['woken', 'asleep', 'woken again'])
})
