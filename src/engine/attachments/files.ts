import { join, relative } from 'node:path'
import type { FilePart, UserPart } from '../../turn/message.ts'
import { recognize } from './content.ts'
import { glob } from './glob.ts'
import { toImagePart } from './image-part.ts'
import type { AttachmentPlace } from './images.ts'
import { expandBraces, hasWildcards } from './name-pattern.ts'
import { Budget, refuse } from './refusal.ts'
import { readSentFile, sentPart } from './sent-files.ts'

export type FileLimits = {
  fileBytes: number
  imageBytes: number
  /** Of all files together. */
  totalBytes: number
  /** The most files. */
  count: number
}

/** One file to read: its path without links, and the request field that named it. */
type Found = { path: string; field: string }

/**
 * The content of files as parts of a message, each with its path relative to the working folder: text and PDFs as documents,
 * pictures as a line with the path and the picture. Each pattern is a path or, when nothing has that path, a glob; its files come
 * sorted, a file that is named twice comes once. What was uploaded comes as it would in a message.
 */
export async function readFiles(
  patterns: readonly (string | FilePart)[],
  place: AttachmentPlace,
  limits: FileLimits,
  signal: AbortSignal,
): Promise<UserPart[]> {
  const found = new Map<string | FilePart, Found | FilePart>()
  for (const [index, pattern] of patterns.entries()) {
    const field = `claude_options.files[${index}]`
    const files =
      typeof pattern === 'string' ? await filesOf(pattern, field, place, limits, signal) : [pattern]
    for (const file of files) {
      if (!found.has(file)) found.set(file, typeof file === 'string' ? { path: file, field } : file)
      if (found.size > limits.count)
        throw refuse(field, `with it the request names more than ${limits.count} files.`)
    }
  }
  const budget = new Budget(limits.totalBytes)
  const parts: UserPart[] = []
  for (const file of found.values()) {
    signal.throwIfAborted()
    parts.push(
      ...('path' in file
        ? await partsOf(file, place, limits, budget)
        : await uploadedParts(file, limits, budget)),
    )
  }
  return parts
}

/** How many texts `{a,b}` may stand for, and how many entries of folders one pattern may look at. */
const mostChoices = 64
const mostEntries = 50_000

async function filesOf(
  pattern: string,
  field: string,
  place: AttachmentPlace,
  limits: FileLimits,
  signal: AbortSignal,
): Promise<string[]> {
  const { workspace, base } = place
  const asPath = await workspace.locate(pattern, base, field)
  if (asPath.kind === 'file') return [asPath.path]
  if (asPath.kind === 'folder') {
    throw refuse(
      field,
      `'${shown(pattern)}' is a folder. Name a file, or a pattern such as 'folder/**'.`,
    )
  }
  if (asPath.kind === 'other') throw refuse(field, `'${shown(pattern)}' is not a regular file.`)
  if (!hasWildcards(pattern)) throw refuse(field, `'${shown(pattern)}' does not exist.`)
  const choices = expandBraces(pattern, mostChoices)
  if (!choices)
    throw refuse(field, `the braces of the pattern stand for more than ${mostChoices} patterns.`)
  const files = new Set<string>()
  for (const choice of choices) {
    for (const path of await matchesOf(choice, field, place, limits, signal)) files.add(path)
  }
  if (files.size === 0) throw refuse(field, `no file matches '${shown(pattern)}'.`)
  return [...files].sort()
}

/** The files of a pattern without braces. The part before the first wildcard is a path like any other. */
async function matchesOf(
  pattern: string,
  field: string,
  { workspace, base }: AttachmentPlace,
  limits: FileLimits,
  signal: AbortSignal,
): Promise<string[]> {
  const names = pattern.split('/')
  const firstWild = names.findIndex(hasWildcards)
  if (firstWild === -1) {
    const place = await workspace.locate(pattern, base, field)
    return place.kind === 'file' ? [place.path] : []
  }
  const start = names.slice(0, firstWild).join('/')
  const folder = await workspace.locate(start || (pattern.startsWith('/') ? '/' : '.'), base, field)
  if (folder.kind !== 'folder') return []
  const rest = names.slice(firstWild).join('/')
  const result = await glob(
    rest,
    folder.path,
    { files: limits.count, entries: mostEntries },
    signal,
  )
  if ('files' in result) return result.files.map((file) => join(folder.path, file))
  throw refuse(
    field,
    result.tooMany === 'files'
      ? `'${shown(pattern)}' matches more than ${limits.count} files. Make it narrower.`
      : `'${shown(pattern)}' searches folders with more than ${mostEntries} entries. Make it narrower.`,
  )
}

async function partsOf(
  { path, field }: Found,
  { workspace, base }: AttachmentPlace,
  limits: FileLimits,
  budget: Budget,
): Promise<UserPart[]> {
  const bytes = await workspace.file(path, base, field, limits.fileBytes)
  budget.spend(bytes.length, field)
  const name = relative(base, path)
  const content = await recognize(bytes)
  switch (content.type) {
    case 'empty':
      return [{ type: 'text', text: `${name} (an empty file)` }]
    case 'text':
      return [{ type: 'document', name, source: { type: 'text', text: content.text } }]
    case 'pdf':
      if (bytes.length > pdfLimitBytes)
        throw refuse(field, `the PDF '${name}' is larger than ${pdfLimitBytes} bytes.`)
      return [
        {
          type: 'document',
          name,
          source: { type: 'base64', mediaType: 'application/pdf', data: bytes.toString('base64') },
        },
      ]
    case 'image':
      return [{ type: 'text', text: name }, await toImagePart(bytes, field, limits.imageBytes)]
    case 'unknown':
      throw refuse(
        field,
        `'${name}' is ${content.name}. Text in UTF-8, PDF, PNG, JPEG, GIF and WebP can be sent.`,
      )
  }
}

async function uploadedParts(
  file: FilePart,
  limits: FileLimits,
  budget: Budget,
): Promise<UserPart[]> {
  const bytes = readSentFile(file, limits.fileBytes)
  budget.spend(bytes.length, file.field)
  return [await sentPart(file, bytes, limits)]
}

/** What the Anthropic API takes is 32 MB of request (its guide on PDFs), which is 24 MiB before base64. */
const pdfLimitBytes = 24 * 1024 * 1024

function shown(pattern: string): string {
  return pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern
}
