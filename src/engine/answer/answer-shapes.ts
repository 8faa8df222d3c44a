import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { TurnError } from '../../turn/error.ts'
import type { ClaudeRun, TurnEvent } from '../../turn/event.ts'
import type { Turn } from '../../turn/turn.ts'
import type { Usage } from '../../turn/usage.ts'
import type { ClientTools } from '../tools/client-tools.ts'
import { EventLines, resultDocument } from './output-format.ts'
import type { Translator } from './sdk-events.ts'
import { StopLatch } from './stop-latch.ts'
import type { ResultMessage } from './tally.ts'

/** How the content of an answer is made of what Claude Code says. */
export interface Shape {
  push(message: SDKMessage): Iterable<TurnEvent>
  /** What is still owed when the answer has ended, `finish` aside. */
  end(result: ResultMessage | undefined, run: ClaudeRun, usage: Usage): Iterable<TurnEvent>
  /** The answer had not its form; another one follows. */
  again(): void
}

/** The shape that a turn asks for. */
export function shapeOf(turn: Turn, translator: Translator, clientTools: ClientTools): Shape {
  if (turn.output.type !== 'text') return structuredShape(translator)
  switch (turn.claude.outputFormat) {
    case 'text': {
      const shape = textShape(translator, new StopLatch(turn.limits.stopSequences))
      return clientTools.mustCall ? heldUntilCall(shape, translator) : shape
    }
    case 'json':
      return documentShape(translator)
    case 'stream-json':
      return linesShape(translator)
  }
}

/** Text and calls as they come, cut before the first stop sequence. */
function textShape(translator: Translator, latch: StopLatch): Shape {
  return {
    *push(message) {
      for (const event of translator.push(message)) {
        if (event.type === 'text-end') yield* piece(event.block, latch.flush())
        if (event.type !== 'text-delta') yield event
        else yield* piece(event.block, latch.push(event.text))
        if (latch.stoppedBy !== undefined) {
          translator.cut = { reason: 'stop', stopSequence: latch.stoppedBy }
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

/** `output_format: stream-json` */
function linesShape(translator: Translator): Shape {
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

function* wholeText(block: number, text: string): Iterable<TurnEvent> {
  yield { type: 'text-start', block }
  yield { type: 'text-delta', block, text }
  yield { type: 'text-end', block }
}

function* piece(block: number, text: string): Iterable<TurnEvent> {
  if (text !== '') yield { type: 'text-delta', block, text }
}
