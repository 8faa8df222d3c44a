import { expect, it } from 'vitest'
import { createSeal } from './seal.ts'

it('a sealed text opens with its key only, and unchanged only', async () => {
  const seal = await createSeal('a secret')
  const again = await createSeal('a secret')
  const sealed = seal.close('What was thought: “…”')
  expect(sealed).not.toContain('thought')
  expect(again.open(sealed)).toEqual({ type: 'opened', text: 'What was thought: “…”' })
  expect(seal.close('')).not.toBe(seal.close(''))
  for (const secret of ['another secret', undefined]) {
    const other = await createSeal(secret)
    expect(other.open(sealed)).toEqual({ type: 'other-key' })
  }
  const other = sealed.at(30) === 'A' ? 'B' : 'A'
  const changed = [
    sealed.slice(0, 30) + other + sealed.slice(31),
    sealed.slice(0, 40),
    'gAAAAAB',
    '',
    'sealed1..',
  ]
  expect(changed.map((text) => seal.open(text).type)).toEqual(Array(5).fill('broken'))
})
