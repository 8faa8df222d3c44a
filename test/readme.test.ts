import { describe, expect, it } from 'vitest'
import {
  askedInJavaScript,
  askedInPython,
  canRun,
  samplesIn,
  wholeProgram,
} from './support/samples.ts'

const javaScript = samplesIn('js')
const python = samplesIn('python')
const hasPython = await canRun('python3', ['--version'])

describe('the samples in Python', () => {
  it.skipIf(!hasPython).each(python)('$name asks what its JavaScript twin asks', async (sample) => {
    const twin = javaScript.find(
      ({ page, heading, text }) =>
        page === sample.page && heading === sample.heading && text.includes('answer ='),
    )
    expect(twin).toBeDefined()
    if (!twin) return
    expect(await askedInPython(wholeProgram(sample))).toEqual(
      await askedInJavaScript(wholeProgram(twin)),
    )
  })
})
