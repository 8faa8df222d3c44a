import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { z } from 'zod'
import { TurnError } from '../turn/error.ts'
import type { ClaudeRun, TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import type { Usage } from '../turn/usage.ts'
import type { ClaudeProcess } from './claude-process.ts'
import { EventLines, resultDocument } from './output-format.ts'
import { RunningTools } from './running-tools.ts'
import { Translator } from './sdk-events.ts'
import { StopLatch } from './stop-latch.ts'
import type { Phase, TurnClock } from './turn-clock.ts'

type ResultMessage = Extract<SDKMessage, { type: 'result' }>

export type AnswerOptions = {
  provider: string
  /** Built-in tools may run: Claude Code then goes on by itself at a token limit. */
  agentic: boolean
  retryPatienceMs: number
  debugLog?: string
}

/** How long an interrupted turn may take to tell its usage, in milliseconds. */
const interruptMs = 1_500

/** Reads a process's answer to the end, as turn events. Throws a `TurnError` where the turn fails. */
export async function* answer(
  process: ClaudeProcess,
  turn: Turn,
  clock: TurnClock,
  options: AnswerOptions,
): AsyncGenerator<TurnEvent> {
  const translator = new Translator({
    provider: options.provider,
    includeActivity: turn.claude.includeActivity,
    endAtTokenLimit: !options.agentic || turn.limits.maxOutputTokens !== undefined,
    retryPatienceMs: options.retryPatienceMs,
    now: Date.now,
  })
  const shape = shapeOf(turn, translator)
  const tools = new RunningTools()
  let phase: Phase = 'first-token'
  while (!translator.finished && !translator.cut) {
    const message = await clock.wait(phase, process.next())
    tools.push(message)
    yield* shape.push(message)
    if (message.type === 'stream_event' || message.type === 'assistant') phase = 'idle'
    if (phase !== 'first-token') phase = tools.any ? 'tool' : 'idle'
  }
  const result = translator.finished ?? (await interrupted(process, clock))
  const run = runOf(result, translator, options.debugLog)
  // What Claude Code began after the cut, before the interrupt reached it, is no part of this answer.
  const usage = usageOf(translator.finished, translator)
  yield* shape.end(result, run, usage)
  yield {
    type: 'finish',
    reason: translator.cut?.reason ?? 'stop',
    model: translator.model,
    usage,
    claude: run,
  }
}

/** How the content of the answer is made of what Claude Code says. */
interface Shape {
  push(message: SDKMessage): Iterable<TurnEvent>
  end(result: ResultMessage | undefined, run: ClaudeRun, usage: Usage): Iterable<TurnEvent>
}

function shapeOf(turn: Turn, translator: Translator): Shape {
  switch (turn.claude.outputFormat) {
    case 'text':
      return textShape(translator, new StopLatch(turn.limits.stopSequences))
    case 'json':
      return {
        push(message) {
          translator.push(message)
          return []
        },
        *end(result, run, usage) {
          if (!result)
            throw new TurnError('claude_crashed', 'Claude Code ended the turn without a result.')
          yield translator.startEvent()
          yield { type: 'text-start', block: 0 }
          yield {
            type: 'text-delta',
            block: 0,
            text: resultDocument(result, run, usage, translator.model),
          }
          yield { type: 'text-end', block: 0 }
        },
      }
    case 'stream-json': {
      const lines = new EventLines()
      return {
        push(message) {
          translator.push(message)
          return lines.push(message, translator)
        },
        end: () => [],
      }
    }
  }
}

function textShape(translator: Translator, latch: StopLatch): Shape {
  return {
    *push(message) {
      for (const event of translator.push(message)) {
        if (event.type === 'text-end') yield* piece(event.block, latch.flush())
        if (event.type !== 'text-delta') yield event
        else yield* piece(event.block, latch.push(event.text))
        if (latch.stopped) {
          translator.cut = { reason: 'stop' }
          return
        }
      }
    },
    *end() {
      // An answer may be cut, or empty: the protocol's start and the open block's end are still owed.
      yield* translator.begin()
      for (const event of translator.end()) {
        if (event.type === 'text-end') yield* piece(event.block, latch.flush())
        yield event
      }
    },
  }
}

function* piece(block: number, text: string): Iterable<TurnEvent> {
  if (text !== '') yield { type: 'text-delta', block, text }
}

/** Stops the turn and reads on to its result, which has the usage; gives up after a while. */
async function interrupted(
  process: ClaudeProcess,
  clock: TurnClock,
): Promise<ResultMessage | undefined> {
  const end = performance.now() + interruptMs
  try {
    await clock.wait('idle', process.interrupt())
    while (performance.now() < end) {
      const message = await clock.wait('idle', process.next())
      if (message.type === 'result') return message
    }
  } catch (error) {
    if (error instanceof TurnError && error.code === 'request_cancelled') throw error
    // The answer is complete; only its exact usage is lost, and the stream's own count stands in.
  }
  return undefined
}

function usageOf(finished: ResultMessage | undefined, translator: Translator): Usage {
  const usage = finished?.usage
  if (!usage || usage.output_tokens === 0) return translator.usage
  return {
    inputTokens: usage.input_tokens,
    cacheReadTokens: usage.cache_read_input_tokens,
    cacheCreationTokens: usage.cache_creation_input_tokens,
    outputTokens: usage.output_tokens,
    reasoningTokens: usage.output_tokens_details?.thinking_tokens ?? 0,
  }
}

function runOf(
  result: ResultMessage | undefined,
  translator: Translator,
  debugLog: string | undefined,
): ClaudeRun {
  return {
    sessionId: translator.sessionId,
    costUsd: result ? costOf(result) : 0,
    durationMs: result?.duration_ms ?? 0,
    turns: result?.num_turns ?? 1,
    ...(debugLog !== undefined && { debugLog }),
  }
}

/** `total_cost_usd` runs on over a session's life; this field, which the SDK does not type, is the turn alone. */
const sinceLastResult = z.object({
  model_usage_since_last_result: z.record(z.string(), z.object({ costUSD: z.number() })),
})

function costOf(result: ResultMessage): number {
  const own = sinceLastResult.safeParse(result)
  if (!own.success) return result.total_cost_usd
  return Object.values(own.data.model_usage_since_last_result).reduce(
    (sum, { costUSD }) => sum + costUSD,
    0,
  )
}
