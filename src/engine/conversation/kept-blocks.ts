import { z } from 'zod'
import { imageMediaTypes, type UserPart } from '../../turn/message.ts'

/** A block of a message as the Anthropic Messages API has it; only what is shown of it is looked at. */
export type Block = { type: string; [field: string]: unknown }

export function blocksOf(content: unknown): Block[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return z.array(z.looseObject({ type: z.string() })).safeParse(content).data ?? []
}

/** Blocks as parts of a message; one that has no form in the hub is shown as JSON. */
export function toParts(blocks: readonly Block[]): UserPart[] {
  return blocks.map((block) => partSchema.safeParse(block).data ?? asJson(block))
}

function asJson(block: Block): UserPart {
  return { type: 'text', text: JSON.stringify(block) }
}

const pictureSource = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('base64'),
      media_type: z.enum(imageMediaTypes),
      data: z.string(),
    })
    .transform(({ media_type: mediaType, data }) => ({ type: 'base64' as const, mediaType, data })),
  z
    .object({ type: z.literal('url'), url: z.string() })
    .transform(({ url }) => ({ type: 'url' as const, url, field: 'image' })),
])

const documentSource = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('base64'),
      media_type: z.literal('application/pdf'),
      data: z.string(),
    })
    .transform(({ media_type: mediaType, data }) => ({ type: 'base64' as const, mediaType, data })),
  z
    .object({ type: z.literal('text'), data: z.string() })
    .transform(({ data: text }) => ({ type: 'text' as const, text })),
])

const partSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image'), source: pictureSource }),
  z
    .object({
      type: z.literal('document'),
      title: z.string().nullish(),
      source: documentSource,
    })
    .transform(({ title, source }) => ({
      type: 'document' as const,
      name: title ?? 'document',
      source,
    })),
]) satisfies z.ZodType<UserPart>
