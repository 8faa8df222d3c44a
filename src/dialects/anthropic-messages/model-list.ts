import type { ModelInfo } from '@anthropic-ai/sdk/resources/models'
import { z } from 'zod'
import { TurnError } from '../../turn/error.ts'
import { firstProblem } from '../openai-chat/problem.ts'

/** A model as this server knows it; `created` is Unix time in seconds. */
type Entry = {
  id: string
  created: number
  display_name?: string
  size?: { contextTokens: number; outputTokens: number }
}

type Page = {
  data: ModelInfo[]
  has_more: boolean
  first_id: string | null
  last_id: string | null
}

const stages = z.union([z.string().transform((one) => [one]), z.array(z.string())]).optional()

const querySchema = z.looseObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(20),
  after_id: z.string().optional(),
  before_id: z.string().optional(),
  lifecycle: stages,
  // The client's way to write a list.
  'lifecycle[]': stages,
})

/** The page of the list of models that a query asks for. Throws a `TurnError` that names the parameter at fault. */
export function encodeModelPage(entries: readonly Entry[], query: unknown): Page {
  const parsed = querySchema.safeParse(query)
  if (!parsed.success) throw firstProblem(parsed.error, query)
  const { limit, after_id: after, before_id: before, ...more } = parsed.data
  const lifecycle = more.lifecycle ?? more['lifecycle[]'] ?? ['active']
  // Claude Code lists no others.
  const listed = lifecycle.includes('active') ? entries : []
  if (after !== undefined && before !== undefined) throw notBoth()
  if (before !== undefined) {
    const end = indexOf(listed, before, 'before_id')
    const begin = Math.max(0, end - limit)
    return page(listed.slice(begin, end), begin > 0)
  }
  const begin = after === undefined ? 0 : indexOf(listed, after, 'after_id') + 1
  return page(listed.slice(begin, begin + limit), listed.length > begin + limit)
}

/** One model, as the API tells of it. What it can is not known here. */
export function encodeModel({ id, created, display_name, size }: Entry): ModelInfo {
  return {
    type: 'model',
    id,
    display_name: display_name ?? id,
    created_at: new Date(created * 1000).toISOString(),
    lifecycle: 'active',
    deprecated_at: null,
    retires_at: null,
    line: lineOf(id),
    max_input_tokens: size?.contextTokens ?? null,
    max_tokens: size?.outputTokens ?? null,
    capabilities: null,
  }
}

const lines = ['haiku', 'sonnet', 'opus', 'fable', 'mythos'] as const

function lineOf(id: string): ModelInfo['line'] {
  return lines.find((line) => id.includes(line)) ?? null
}

function page(entries: readonly Entry[], hasMore: boolean): Page {
  return {
    data: entries.map(encodeModel),
    has_more: hasMore,
    first_id: entries[0]?.id ?? null,
    last_id: entries.at(-1)?.id ?? null,
  }
}

function indexOf(entries: readonly Entry[], id: string, param: string): number {
  const index = entries.findIndex((entry) => entry.id === id)
  if (index !== -1) return index
  throw new TurnError(
    'invalid_value',
    `${param} ${JSON.stringify(id.slice(0, 100))} is no model of this list. Leave it out for the first page.`,
    { param },
  )
}

function notBoth(): TurnError {
  const param = 'before_id'
  return new TurnError(
    'invalid_value',
    'before_id and after_id cannot be used together. Leave one of them out.',
    { param },
  )
}
