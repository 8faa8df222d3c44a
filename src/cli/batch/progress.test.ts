import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { showProgress } from './progress.ts'

function output(isTTY: boolean): { stream: Writable & { isTTY: boolean }; text: () => string } {
  let text = ''
  const stream = new Writable({
    write(piece, _encoding, done) {
      text += String(piece)
      done()
    },
  })
  return { stream: Object.assign(stream, { isTTY }), text: () => text }
}

const state = { done: 3, failed: 1, costUsd: 0.5, status: 'in_progress' }

it('showProgress draws one bar on a terminal, notes above it, and leaves the cursor as it was', () => {
  const { stream, text } = output(true)
  const progress = showProgress(stream, 4)
  progress.note('before')
  progress.update({ ...state, done: 2 })
  progress.note('between')
  progress.update(state)
  progress.stop()
  progress.note('after')
  const said = text()
  expect(said).toContain('█')
  expect(said).toMatch(/before\n[^]*between\n[^]*3\/4 · 1 failed [^]*after\n$/)
  expect(said.lastIndexOf('\u001B[?25h')).toBeGreaterThan(said.lastIndexOf('\u001B[?25l'))
})

it('showProgress says a line for each state elsewhere, and the last one at the end', () => {
  const { stream, text } = output(false)
  const progress = showProgress(stream, 4)
  progress.update({ ...state, done: 0, failed: 0, status: 'validating' })
  progress.update({ ...state, done: 1, failed: 0 })
  progress.update({ ...state, done: 2, failed: 0 })
  progress.note('a note')
  progress.update({ ...state, done: 4, costUsd: undefined })
  progress.stop()
  progress.stop()
  expect(text().replaceAll(/ · [\d.]+\/s| · \d+ s left/g, '')).toBe(
    '0/4 · $0.5000 · lines are read\n1/4 · $0.5000\na note\n4/4 · 1 failed\n',
  )
})
