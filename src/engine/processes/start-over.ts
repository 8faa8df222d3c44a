import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { ClaudeProcess } from './claude-process.ts'
import { type TranscriptPlace, transcriptPath } from '../conversation/transcript.ts'
import type { TurnClock } from './turn-clock.ts'

/**
 * Makes a process forget its conversation, so that it is as one that has just been started: `/clear` begins a new session, and what it
 * says of itself in it, a message of its own, is taken out again. Returns the new session's id. Throws when that fails; then the
 * process must not be used again. The conversation before stays what it was, a session that can be resumed.
 */
export async function startOver(
  process: ClaudeProcess,
  place: Pick<TranscriptPlace, 'claudeDir' | 'folder'>,
  clock: TurnClock,
): Promise<string> {
  const command = process.command('/clear')
  const sessionId = await readSessionId(process, clock)
  const trace = await findTrace(transcriptPath({ ...place, sessionId, version: '' }))
  if (trace === undefined || !(await clock.wait('start', process.rewind(trace, command)))) {
    throw new Error('Claude Code did not let its new session begin empty.')
  }
  return sessionId
}

async function readSessionId(process: ClaudeProcess, clock: TurnClock): Promise<string> {
  for (;;) {
    const message = await clock.wait('start', process.next())
    if (message.type === 'result') return message.session_id
  }
}

/** How often the transcript is looked into; Claude Code has written it when `/clear` is answered, or just after. */
const looks = 30
const pauseMs = 10

/** The message that `/clear` leaves before itself. */
async function findTrace(path: string): Promise<string | undefined> {
  for (let look = 0; look < looks; look++) {
    const found = (await readStart(path))
      .split('\n')
      .map(traceOf)
      .find((uuid) => uuid !== undefined)
    if (found !== undefined) return found
    await sleep(pauseMs)
  }
  return undefined
}

/** More than the few lines that a new session has. */
const startBytes = 16 * 1024

async function readStart(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(startBytes), 0, startBytes, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

const trace = z.object({
  type: z.literal('user'),
  parentUuid: z.null(),
  isMeta: z.literal(true),
  uuid: z.string(),
})

function traceOf(line: string): string | undefined {
  try {
    return trace.safeParse(JSON.parse(line)).data?.uuid
  } catch {
    // A line that is being written.
    return undefined
  }
}
