/**
 * First token against the length of the conversation, to 1,000 messages and 2 MB of text: `npm run bench:history`. `--svg FILE` draws
 * it, `--json FILE` keeps the figures. Each length is asked as a client without memory asks it: the whole conversation anew. The last
 * line tells how much of it is the transcript of the longest one: composed, written, and read back.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import {
  composeTranscript,
  storeTranscript,
  type TranscriptPlace,
  writeTranscript,
} from '../src/engine/conversation/transcript.ts'
import { says, startScriptedAnthropic } from '../test/scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../test/support/claude.ts'
import { lineChart } from './line-chart.ts'
import { startBuiltServer } from './server.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    svg: { type: 'string' },
    turns: { type: 'string', default: '5' },
  },
})
const turns = Number(options.turns)
const lengths = [0, 10, 20, 40, 60, 100, 200, 400, 600, 1_000]
/** 2 MB over the longest conversation. */
const charactersEach = 2_000

await using anthropic = await startScriptedAnthropic()
anthropic.respond = () => says('A short answer from the scripted model.')
await using folder = await temporaryFolder()
await using server = await startBuiltServer(claudeEnvironment(anthropic.url), folder.path)

type Point = { messages: number; kilobytes: number; firstTokenMs: number }
const points: Point[] = []
for (const earlier of lengths) points.push(await measure(earlier))

console.log(
  `${'earlier messages'.padStart(17)}${'text (kB)'.padStart(11)}${'first token, p50 (ms)'.padStart(23)}`,
)
for (const { messages, kilobytes, firstTokenMs } of points) {
  console.log(
    `${String(messages).padStart(17)}${kilobytes.toFixed(0).padStart(11)}${firstTokenMs.toFixed(0).padStart(23)}`,
  )
}
const { writtenMs, readBackMs } = await measureTranscript(lengths.at(-1) ?? 0)
console.log(
  `The transcript of the longest: ${writtenMs.toFixed(0)} ms to write, ${readBackMs.toFixed(0)} ms more to read it back and compare.`,
)
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ turns, points }, null, 2)}\n`)
if (options.svg !== undefined) {
  const title = 'First token (ms, p50) by earlier messages of 2 kB each'
  await writeFile(
    options.svg,
    lineChart(
      title,
      points.map(({ messages, firstTokenMs }) => [messages, firstTokenMs]),
    ),
  )
}

async function measure(earlier: number): Promise<Point> {
  const samples: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    const messages = conversation(earlier, `${earlier}/${turn}`)
    samples.push((await server.chat(messages)).firstTokenMs)
    // Long enough for the next process to be waiting again.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  const kilobytes = (earlier * charactersEach) / 1_000
  return { messages: earlier, kilobytes, firstTokenMs: middle(samples) }
}

/** What writing a transcript takes, and what reading it back takes more; the middle of as many as there are turns. */
async function measureTranscript(
  earlier: number,
): Promise<{ writtenMs: number; readBackMs: number }> {
  const messages = conversation(earlier, 'transcript').map(({ role, content }) => ({
    role: role === 'assistant' ? ('assistant' as const) : ('user' as const),
    content: [{ type: 'text' as const, text: content }],
  }))
  const written: number[] = []
  const stored: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    written.push(
      await timed(() => {
        const at = newPlace()
        return writeTranscript(composeTranscript(messages, at, new Date()), at)
      }),
    )
    stored.push(
      await timed(async () => {
        await storeTranscript(messages, newPlace(), new Date())
      }),
    )
  }
  const writtenMs = middle(written)
  return { writtenMs, readBackMs: middle(stored) - writtenMs }
}

function newPlace(): TranscriptPlace {
  const sessionId = crypto.randomUUID()
  return { claudeDir: folder.path, folder: '/transcripts', sessionId, version: '' }
}

async function timed(act: () => Promise<void>): Promise<number> {
  const begin = performance.now()
  await act()
  return performance.now() - begin
}

function middle(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN
}

/** A conversation that no process holds yet. */
function conversation(earlier: number, mark: string): { role: string; content: string }[] {
  const text = `${mark} `.padEnd(charactersEach, 'lorem ipsum ')
  const turnsBefore = Array.from({ length: earlier }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: text,
  }))
  return [...turnsBefore, { role: 'user', content: 'And now?' }]
}
