import { describe, expect, it } from 'vitest'
import { parameters } from '../../src/dialects/openai-chat/parameters.ts'
import { requestSchema } from '../../src/dialects/openai-chat/request.ts'
import { parameters as completionParameters } from '../../src/dialects/openai-completions/parameters.ts'
import { responseParameters } from '../../src/dialects/openai-responses/parameters.ts'
import { hasOpenAIDocument, openAIDocument } from '../support/openai-document.ts'

const ofClaude = ['claude_options']
/** What the Open Responses document has, and what Codex sends of itself. */
const ofOthers = ['presence_penalty', 'frequency_penalty', 'client_metadata']

describe.runIf(hasOpenAIDocument)('a request in the document of OpenAI', () => {
  it.each([
    ['CreateChatCompletionRequest', parameters, ofClaude],
    ['CreateCompletionRequest', completionParameters, ofClaude],
    ['CreateResponse', responseParameters, [...ofClaude, ...ofOthers]],
  ])('%s has no parameter that the table lacks, and the other way round', (schema, table, own) => {
    const known = openAIDocument()?.fieldsOf(schema) ?? []
    expect(known.length).toBeGreaterThan(15)
    expect(known.filter((name) => !(name in table))).toEqual([])
    expect(Object.keys(table).filter((name) => !known.includes(name))).toEqual(own)
  })
})

describe('the table of parameters', () => {
  it('knows what the schema checks, and the other way round', () => {
    expect(Object.keys(requestSchema.shape).sort()).toEqual(Object.keys(parameters).sort())
  })
})
