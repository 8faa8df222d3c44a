import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { findClaude } from '../src/engine/binary.ts'
import type { Sample } from './measure.ts'

const question = 'Say something short.'

/** What every wrapper does: start `claude -p` for one request and read its stream. */
export async function claudePrint(
  environment: Record<string, string>,
  folder: string,
): Promise<Sample> {
  const claude = findClaude()
  if (claude === undefined) throw new Error('There is no claude binary; run `npm install`.')
  const begin = performance.now()
  const child = spawn(
    claude,
    [
      '-p',
      '--output-format',
      'stream-json',
      '--include-partial-messages',
      '--verbose',
      '--tools',
      '',
      '--setting-sources',
      '',
    ],
    { cwd: folder, env: environment, stdio: ['pipe', 'pipe', 'ignore'] },
  )
  child.stdin.end(question)
  let firstTokenMs = Number.NaN
  for await (const line of createInterface({ input: child.stdout })) {
    if (Number.isNaN(firstTokenMs) && line.includes('"text_delta"'))
      firstTokenMs = performance.now() - begin
  }
  if (Number.isNaN(firstTokenMs)) throw new Error('claude -p gave no answer')
  return { firstTokenMs, totalMs: performance.now() - begin }
}
