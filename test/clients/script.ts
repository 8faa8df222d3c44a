import { expect } from 'vitest'
import {
  callsTools,
  conversation,
  says,
  type RecordedRequest,
  type ScriptedToolCall,
  type Step,
} from '../scripted-anthropic/server.ts'

/**
 * A model for a client that has tools: each step's calls once the results of those before it are there, then the last words. Requests without
 * tools, which some clients make beside, get a title.
 */
export function script(
  steps: readonly ScriptedToolCall[][],
  last: string,
): (request: RecordedRequest) => Step {
  const begins = steps.map((_, index) => steps.slice(0, index).flat().length)
  return (request) => {
    if ((request.body.tools ?? []).length === 0) return says('A title')
    const results = resultsIn(request)
    if (results === steps.flat().length) return says(last)
    const calls = steps[begins.indexOf(results)] ?? expect.fail(`It sent ${results} results.`)
    return callsTools(calls)
  }
}

/** How many results of tools the model was sent. */
export function resultsIn(request: RecordedRequest): number {
  return conversation(request)
    .flatMap(({ content }) => content)
    .filter(({ type }) => type === 'tool_result').length
}
