import type {
  Response,
  ResponseStreamEvent,
  ResponseUsage,
} from 'openai/resources/responses/responses'
import type { ErrorBody } from '../openai-chat/error.ts'
import type { ActivityExtension, ClaudeExtension } from '../openai-chat/extension.ts'

/**
 * A response as it goes over the wire. `output_text` is the client's own; `user` and `usage` are null where there is none, and Codex reads
 * codes of failures that OpenAI's type does not have.
 */
export type WireResponse = Omit<Response, 'output_text' | 'user' | 'usage' | 'error'> & {
  user: string | null
  usage: ResponseUsage | null
  error: { code: string; message: string } | null
  // What OpenAI's document or the Open Responses one has, and the type has not.
  max_tool_calls: number | null
  store: boolean
  presence_penalty: number
  frequency_penalty: number
  claude?: Partial<ClaudeExtension> & { activity?: ActivityExtension[] }
}

/** What of a request its response repeats. */
export type Repeated = {
  readonly [Field in RepeatedField]?: WireResponse[Field] | null
}

type RepeatedField =
  | 'background'
  | 'frequency_penalty'
  | 'instructions'
  | 'max_output_tokens'
  | 'max_tool_calls'
  | 'metadata'
  | 'model'
  | 'parallel_tool_calls'
  | 'presence_penalty'
  | 'previous_response_id'
  | 'prompt_cache_key'
  | 'reasoning'
  | 'safety_identifier'
  | 'service_tier'
  | 'store'
  | 'temperature'
  | 'text'
  | 'tool_choice'
  | 'tools'
  | 'top_p'
  | 'user'

/** An event before it is numbered. */
export type EventBody = Unnumbered<ResponseStreamEvent>

/** Any that is told. */
export type ToldEvent = EventBody | CommandEvent

/** In OpenAI's document, and not in its client yet. */
export type CommandEvent = { output_index: number; command_index: number } & (
  | { type: `response.shell_call_command.${'added' | 'done'}`; command: string }
  | { type: 'response.shell_call_command.delta'; delta: string }
)

/** Each kind of event apart, so that its `type` says what else is in it; an error has the form of OpenAI's server beside the document's. */
type Unnumbered<Event> = Event extends { response: Response }
  ? Omit<Event, 'sequence_number' | 'response'> & { response: WireResponse }
  : Event extends { type: 'error' }
    ? Omit<Event, 'sequence_number'> & ErrorBody
    : Omit<Event, 'sequence_number'>
