import type { Seal } from '../../lib/seal.ts'
import { TurnError } from '../../turn/error.ts'
import type { ReasoningPart, SealedReasoningPart } from '../../turn/message.ts'
import type { Disclosures } from '../openai-chat/disclosures.ts'

/** A piece of the model's thinking, as it is to come back. */
export type Thought = ReasoningPart | SealedReasoningPart

/** The `encrypted_content` of a reasoning item: opaque to callers, who only send it back. */
export function writeThinking(seal: Seal, thoughts: readonly Thought[]): string {
  return seal.close(JSON.stringify(thoughts))
}

/**
 * What `writeThinking` wrote; nothing, and a remark, for what another key has sealed. Throws `invalid_value`, which names `param`, for anything
 * else.
 */
export function readThinking(
  content: string,
  { seal, param, disclosures }: { seal: Seal; param: string; disclosures: Disclosures },
): Thought[] {
  const opened = seal.open(content)
  switch (opened.type) {
    case 'opened':
      return JSON.parse(opened.text) as Thought[]
    case 'other-key':
      disclosures.remark(
        `${param} was sealed by another server, or before this one was started, and is left out`,
      )
      return []
    case 'broken':
      throw new TurnError(
        'invalid_value',
        `${param} was not written by this server, or was changed. Send it as it came, or leave the item out.`,
        { param },
      )
  }
}

/** Whether the request asks for `encrypted_content`. */
export function asksForThinking(include: unknown): boolean {
  return Array.isArray(include) && include.includes('reasoning.encrypted_content')
}
