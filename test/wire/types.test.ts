import type {
  ContentBlock,
  Message,
  RawContentBlockStartEvent,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages'
import type OpenAI from 'openai'
import { describe, expectTypeOf, it } from 'vitest'
import type { Answer as MessageAnswer } from '../../src/dialects/anthropic-messages/response.ts'
import type { AnswerBlock } from '../../src/dialects/anthropic-messages/shape.ts'
import type { WireEvent } from '../../src/dialects/anthropic-messages/stream.ts'
import type { ErrorBody } from '../../src/dialects/openai-chat/error.ts'
import type { Answer as ChatAnswer } from '../../src/dialects/openai-chat/response.ts'
import type { Chunk as ChatChunk } from '../../src/dialects/openai-chat/stream.ts'
import type { Answer as CompletionAnswer } from '../../src/dialects/openai-completions/response.ts'
import type { Chunk as CompletionChunk } from '../../src/dialects/openai-completions/stream.ts'
import type { EventBody, WireResponse } from '../../src/dialects/openai-responses/wire-types.ts'

/**
 * The vendors' own clients take what we write: the compiler says so (`npm run types`), nothing here is run. Where our type is wider than
 * theirs, the exception is written out.
 */

type Response = OpenAI.Responses.Response
type ResponseEvent = OpenAI.Responses.ResponseStreamEvent

describe('what a vendor’s client has a type for', () => {
  it('is a chat completion', () => {
    expectTypeOf<ChatAnswer>().toExtend<OpenAI.ChatCompletion>()
  })

  it('is a chunk of one, but for calls of custom tools, for which chunks have no type', () => {
    type Choice = ChatChunk['choices'][number]
    type Call = NonNullable<Choice['delta']['tool_calls']>[number]
    type Delta = Omit<Choice['delta'], 'tool_calls'> & {
      tool_calls?: Exclude<Call, { custom: unknown }>[]
    }
    type Chunk = Omit<ChatChunk, 'choices'> & {
      choices: (Omit<Choice, 'delta'> & { delta: Delta })[]
    }
    expectTypeOf<Chunk>().toExtend<OpenAI.ChatCompletionChunk>()
  })

  it('is a completion, and a chunk of one once it tells why it ended', () => {
    expectTypeOf<CompletionAnswer>().toExtend<OpenAI.Completion>()
    type Choice = CompletionChunk['choices'][number]
    type Last = Omit<CompletionChunk, 'choices' | 'usage'> & {
      choices: (Choice & { finish_reason: NonNullable<Choice['finish_reason']> })[]
      usage?: NonNullable<CompletionChunk['usage']>
    }
    expectTypeOf<Last>().toExtend<OpenAI.Completion>()
  })

  it('is a response, but for what is null and for the codes that Codex reads', () => {
    type Wider = 'user' | 'usage' | 'error'
    expectTypeOf<Omit<WireResponse, Wider>>().toExtend<Omit<Response, Wider | 'output_text'>>()
    expectTypeOf<NonNullable<WireResponse['usage']>>().toExtend<NonNullable<Response['usage']>>()
  })

  it('is an event of a response', () => {
    type Numbered = Exclude<EventBody, { response: WireResponse }> & { sequence_number: number }
    expectTypeOf<Numbered>().toExtend<ResponseEvent>()
    expectTypeOf<EventBody['type']>().toExtend<ResponseEvent['type']>()
  })

  it('is a message of Anthropic’s, but for citations, which are left out where there are none', () => {
    expectTypeOf<Omit<MessageAnswer, 'content'>>().toExtend<Omit<Message, 'content'>>()
    expectTypeOf<MessageAnswer['content']>().toExtend<AnswerBlock[]>()
    expectTypeOf<AnswerBlock & { citations: null }>().toExtend<ContentBlock>()
  })

  it('is an event of a message, but for pings', () => {
    type Start = { type: 'content_block_start' }
    type Event = Exclude<WireEvent, Start | { type: 'ping' }>
    expectTypeOf<Event>().toExtend<RawMessageStreamEvent>()
    expectTypeOf<Omit<Extract<WireEvent, Start>, 'content_block'>>().toExtend<
      Omit<RawContentBlockStartEvent, 'content_block'>
    >()
  })

  it('is an error', () => {
    expectTypeOf<ErrorBody['error']>().toExtend<OpenAI.ErrorObject>()
  })
})
