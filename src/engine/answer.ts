import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { z } from 'zod'
import { TurnError } from '../turn/error.ts'
import type { ClaudeRun, TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import { addUsage, noUsage, type Usage } from '../turn/usage.ts'
import type { ClaudeProcess } from './claude-process.ts'
import type { ClientTools } from './client-tools.ts'
import { EventLines, resultDocument } from './output-format.ts'
import { RunningTools } from './running-tools.ts'
import type { SchemaCheck } from './schema-check.ts'
import { Translator } from './sdk-events.ts'
import { StopLatch } from './stop-latch.ts'
import type { Phase, TurnClock } from './turn-clock.ts'

type ResultMessage = Extract<SDKMessage, { type: 'result' }>

export type AnswerOptions = {
  provider: string
  /** Built-in tools may run: Claude Code then goes on by itself at a token limit. */
  agentic: boolean
  clientTools: ClientTools
  /** Holds a structured answer to the caller's schema. */
  check?: SchemaCheck
  retryPatienceMs: number
  debugLog?: string
}

/** How long an interrupted turn may take to tell its usage, in milliseconds. */
const interruptMs = 1_500

/** How often the model is asked again for an answer of the right form. */
const corrections = 2

/**
 * Reads a process's answer to the end, as turn events. An answer that must have a form (a call, a schema) and has not is asked for
 * again, within a bound. Throws a `TurnError` where the turn fails.
 */
export async function* answer(
  process: ClaudeProcess,
  turn: Turn,
  clock: TurnClock,
  options: AnswerOptions,
): AsyncGenerator<TurnEvent> {
  const translator = new Translator({
    provider: options.provider,
    includeActivity: turn.claude.includeActivity,
    clientTools: options.clientTools,
    structured: turn.output.type !== 'text',
    endAtTokenLimit: !options.agentic || turn.limits.maxOutputTokens !== undefined,
    retryPatienceMs: options.retryPatienceMs,
    now: Date.now,
  })
  const shape = shapeOf(turn, translator, options)
  const tally = new Tally()
  for (let attempt = 0; ; attempt++) {
    yield* read(process, shape, translator, clock)
    const result = translator.finished ?? (await interrupted(process, clock))
    tally.add(result, translator)
    const problem = translator.cut ? undefined : formProblem(result, translator, options)
    if (problem === undefined) {
      const run = tally.run(translator, options.debugLog)
      yield* shape.end(result, run, tally.usage)
      const reason = translator.cut?.reason ?? (translator.calls > 0 ? 'tool-calls' : 'stop')
      const endedItself = !translator.cut && attempt === 0
      yield {
        type: 'finish',
        reason,
        model: translator.model,
        usage: tally.usage,
        claude: run,
        endedItself,
      }
      return
    }
    if (attempt === corrections)
      throw new TurnError(
        'invalid_output',
        `The model was asked ${attempt + 1} times and gave no answer of the requested form: ${problem}`,
      )
    shape.again()
    process.ask([{ type: 'text', text: problem }])
  }
}

async function* read(
  process: ClaudeProcess,
  shape: Shape,
  translator: Translator,
  clock: TurnClock,
): AsyncGenerator<TurnEvent> {
  const tools = new RunningTools()
  let phase: Phase = 'first-token'
  while (!translator.finished && !translator.cut) {
    const message = await clock.wait(phase, process.next())
    tools.push(message)
    yield* shape.push(message)
    if (message.type === 'stream_event' || message.type === 'assistant') phase = 'idle'
    if (phase !== 'first-token') phase = tools.any ? 'tool' : 'idle'
  }
}

/** What the model is told when its answer has not the form that it must have. */
function formProblem(
  result: ResultMessage | undefined,
  translator: Translator,
  { clientTools, check }: AnswerOptions,
): string | undefined {
  if (translator.calls > 0) return undefined
  if (clientTools.mustCall) return `No tool was called. ${clientTools.instruction() ?? ''}`
  const wrong = check?.(result?.subtype === 'success' ? result.structured_output : undefined)
  return wrong === undefined
    ? undefined
    : `The structured answer is not valid: ${wrong}. Give the whole answer again, corrected.`
}

/** How the content of the answer is made of what Claude Code says. */
interface Shape {
  push(message: SDKMessage): Iterable<TurnEvent>
  end(result: ResultMessage | undefined, run: ClaudeRun, usage: Usage): Iterable<TurnEvent>
  /** The answer had not its form; another one follows. */
  again(): void
}

function shapeOf(turn: Turn, translator: Translator, { clientTools }: AnswerOptions): Shape {
  if (turn.output.type !== 'text') return structuredShape(translator)
  switch (turn.claude.outputFormat) {
    case 'text': {
      const shape = textShape(translator, new StopLatch(turn.limits.stopSequences))
      return clientTools.mustCall ? heldUntilCall(shape, translator) : shape
    }
    case 'json':
      return documentShape(translator)
    case 'stream-json': {
      const lines = new EventLines()
      return {
        push(message) {
          translator.push(message)
          return lines.push(message, translator)
        },
        end: () => [],
        again: () => translator.again(),
      }
    }
  }
}

/** `output_format: json` */
function documentShape(translator: Translator): Shape {
  return {
    push(message) {
      translator.push(message)
      return []
    },
    *end(result, run, usage) {
      if (!result)
        throw new TurnError('claude_crashed', 'Claude Code ended the turn without a result.')
      yield translator.startEvent()
      yield* wholeText(0, resultDocument(result, run, usage, translator.model))
    },
    again: () => translator.again(),
  }
}

/** `response_format`: thinking and calls as they come, the text once it is known to be right. */
function structuredShape(translator: Translator): Shape {
  return {
    push: (message) => translator.push(message),
    *end(result) {
      yield* translator.begin()
      yield* translator.end()
      const value = result?.subtype === 'success' ? result.structured_output : undefined
      if (value !== undefined && translator.calls === 0)
        yield* wholeText(translator.nextBlock(), JSON.stringify(value))
    },
    again: () => translator.again(),
  }
}

/** An answer that must call a tool: what comes before the call is shown only when there is one. */
function heldUntilCall(shape: Shape, translator: Translator): Shape {
  let held: TurnEvent[] = []
  const pass = (events: Iterable<TurnEvent>): TurnEvent[] => {
    held.push(...events)
    return translator.calls > 0 ? held.splice(0) : []
  }
  return {
    push: (message) => pass(shape.push(message)),
    *end(result, run, usage) {
      yield* held.splice(0)
      yield* shape.end(result, run, usage)
    },
    again() {
      held = []
      translator.again({ forget: true })
    },
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
    again: () => translator.again(),
  }
}

function* wholeText(block: number, text: string): Iterable<TurnEvent> {
  yield { type: 'text-start', block }
  yield { type: 'text-delta', block, text }
  yield { type: 'text-end', block }
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

/** What a turn took, over all its attempts. */
class Tally {
  usage: Usage = noUsage
  #costUsd = 0
  #durationMs = 0
  #turns = 0

  add(result: ResultMessage | undefined, translator: Translator): void {
    this.usage = addUsage(this.usage, usageOf(result, translator))
    this.#costUsd += result ? costOf(result) : 0
    this.#durationMs += result?.duration_ms ?? 0
    this.#turns += result?.num_turns ?? 1
  }

  run(translator: Translator, debugLog: string | undefined): ClaudeRun {
    return {
      sessionId: translator.sessionId,
      costUsd: this.#costUsd,
      durationMs: this.#durationMs,
      turns: this.#turns,
      ...(debugLog !== undefined && { debugLog }),
    }
  }
}

function usageOf(result: ResultMessage | undefined, translator: Translator): Usage {
  const usage = result?.usage
  // An interrupted turn reports zeros, or counts what Claude Code began after the cut.
  if (!usage || translator.cut || usage.output_tokens === 0) return translator.usage
  return {
    inputTokens: usage.input_tokens,
    cacheReadTokens: usage.cache_read_input_tokens,
    cacheCreationTokens: usage.cache_creation_input_tokens,
    outputTokens: usage.output_tokens,
    reasoningTokens: usage.output_tokens_details?.thinking_tokens ?? 0,
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
