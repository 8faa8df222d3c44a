import { describe, expect, it } from 'vitest'
import { FullNames } from './full-names.ts'
import type { ListedModel } from './models.ts'

const listed: ListedModel[] = [
  { value: 'default', resolvedModel: 'claude-opus-5-5' },
  { value: 'haiku', resolvedModel: 'claude-haiku-5-5' },
  { value: 'preview-row' },
]

describe('FullNames', () => {
  it.each([
    [undefined, 'claude-opus-5-5'],
    ['haiku', 'claude-haiku-5-5'],
    ['haiku[1m]', 'claude-haiku-5-5'],
    ['preview-row', 'preview-row'],
    ['claude-sonnet-4-5@20250929', 'claude-sonnet-4-5@20250929'],
    ['house-deployment', 'house-deployment'],
    ['opusplan', undefined],
  ])('of %s is %s', (model, name) => expect(new FullNames().of(model, listed)).toBe(name))

  it('of the default is not known where the CLI does not list it', () => {
    expect(new FullNames().of(undefined, [])).toBeUndefined()
  })

  it('is what an answer has told, once there was one', () => {
    const names = new FullNames()
    expect(names.learn('opusplan', 'claude-sonnet-5-5[1m]', undefined)).toBe('claude-sonnet-5-5')
    names.learn('claude-opus-4-1', 'claude-opus-5-5', 'claude-opus-4-1')
    names.learn(undefined, 'claude-fable-5-2', 'claude-opus-5-5')
    expect(names.of('opusplan', listed)).toBe('claude-sonnet-5-5')
    expect(names.of('claude-opus-4-1', listed)).toBe('claude-opus-5-5')
    expect(names.of(undefined, listed)).toBe('claude-fable-5-2')
  })
})
