import { TurnError } from '../../turn/error.ts'
import type { TurnEvent } from '../../turn/event.ts'
import type { Turn } from '../../turn/turn.ts'
import { type Shape, shapeOf } from './answer-shapes.ts'
import type { ClaudeProcess } from '../processes/claude-process.ts'
import type { ClientTools } from '../tools/client-tools.ts'
import type { ModelSizes } from '../model-sizes.ts'
import { RunningTools } from './running-tools.ts'
import type { SchemaCheck } from '../schema/schema-check.ts'
import { Translator } from './sdk-events.ts'
import { type ResultMessage, Tally } from './tally.ts'
import type { Phase, TurnClock } from '../processes/turn-clock.ts'

export type AnswerOptions = {
  provider: string
  /** Built-in tools may run: Claude Code then goes on by itself at a token limit. */
  agentic: boolean
  clientTools: ClientTools
  /** Holds a structured answer to the caller's schema. */
  check?: SchemaCheck
  retryPatienceMs: number
  /** Learns how large the models are. */
  sizes: Pick<ModelSizes, 'learn'>
  /** Told the full name of the model that is asked, before it has answered. */
  onModel?: (name: string) => void
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
  const translator = translatorOf(turn, options)
  const shape = shapeOf(turn, translator, options.clientTools)
  const tally = new Tally()
  for (let attempt = 0; ; attempt++) {
    yield* read(process, shape, translator, clock)
    const result = translator.finished ?? (await interrupted(process, clock))
    tally.add(result, translator)
    if (result) options.sizes.learn(result.modelUsage)
    const problem = translator.cut ? undefined : formProblem(result, translator, options)
    if (problem === undefined) {
      const run = tally.run(translator, options.debugLog)
      yield* shape.end(result, run, tally.usage)
      yield {
        type: 'finish',
        reason: translator.cut?.reason ?? (translator.calls > 0 ? 'tool-calls' : 'stop'),
        model: translator.model,
        usage: tally.usage,
        ...(translator.cut?.stopSequence !== undefined && {
          stopSequence: translator.cut.stopSequence,
        }),
        claude: run,
        endedItself: !translator.cut && attempt === 0 && (options.agentic || !translator.corrected),
      }
      return
    }
    if (attempt === corrections) {
      throw new TurnError(
        'invalid_output',
        `The model was asked ${attempt + 1} times and gave no answer of the requested form: ${problem}`,
      )
    }
    shape.again()
    process.ask([{ type: 'text', text: problem }])
  }
}

function translatorOf(turn: Turn, options: AnswerOptions): Translator {
  return new Translator({
    provider: options.provider,
    includeActivity: turn.claude.includeActivity,
    clientTools: options.clientTools,
    structured: turn.output.type !== 'text',
    endAtTokenLimit: !options.agentic || turn.limits.maxOutputTokens !== undefined,
    retryPatienceMs: options.retryPatienceMs,
    onModel: options.onModel,
    now: Date.now,
  })
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
    const elapsedMs = phase === 'tool' ? tools.elapsedMs : 0
    const message = await clock.wait(phase, process.next(), elapsedMs)
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

/** Stops the turn and reads on to its result, which has the cost; gives up after a while. */
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
    // The answer is complete; only its exact cost is lost.
  }
  return undefined
}
