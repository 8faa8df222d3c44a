import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const source = fileURLToPath(new URL('../src', import.meta.url))

/** Which folder may import which; `(types)` means `import type` only. The table of docs/architecture.md. */
const table: Record<string, string[]> = {
  lib: [],
  turn: [],
  dialects: ['turn', 'lib'],
  telemetry: ['turn', 'lib'],
  storage: ['turn', 'lib'],
  engine: ['turn', 'storage (types)', 'telemetry (types)', 'lib'],
  upstreams: ['turn', 'dialects', 'telemetry (types)', 'lib'],
  routing: ['turn', 'storage (types)', 'telemetry (types)', 'lib'],
  cache: ['turn', 'storage (types)', 'telemetry (types)', 'lib'],
  access: ['turn', 'storage (types)', 'telemetry (types)', 'lib'],
  batch: ['turn', 'storage (types)', 'telemetry (types)', 'lib'],
  files: ['turn', 'storage (types)', 'lib'],
  responses: ['turn', 'storage (types)', 'lib'],
  http: [
    'turn',
    'dialects',
    'access',
    'batch',
    'files',
    'responses',
    'storage (types)',
    'telemetry (types)',
    'lib',
  ],
  config: ['lib'],
}

/** Files that may be longer than the limit, each with its reason. */
const longFiles: Record<string, string> = {
  'config/schema.ts': 'one table of all settings; splitting it would hide what there is',
}
const lineLimit = 400

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => file.split(sep).join('/'))

type Import = { file: string; folder: string; types: boolean }

function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), 'utf8')
  return [...text.matchAll(/^(?:import|export)\s+(type\s+)?[^'";]*?from\s+'(\.[^']+)'/gm)].map(
    ([, types, path]) => {
      const target = relative(source, join(source, dirname(file), path ?? ''))
        .split(sep)
        .join('/')
      return { file: target, folder: target.split('/')[0] ?? '', types: types !== undefined }
    },
  )
}

describe('the import table', () => {
  it.each(Object.keys(table))('%s imports only what it may', (folder) => {
    const allowed = table[folder] ?? []
    const wrong = files
      .filter((file) => file.startsWith(`${folder}/`))
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => target.folder !== folder)
          .filter((target) => !allowed.includes(target.folder))
          .filter((target) => !(target.types && allowed.includes(`${target.folder} (types)`)))
          .map((target) => `${file} imports ${target.file}`),
      )
    expect(wrong).toEqual([])
  })

  it('names every folder but those that may import anything', () => {
    const folders = readdirSync(source).filter((name) => statSync(join(source, name)).isDirectory())
    expect(folders.filter((name) => !(name in table) && name !== 'cli')).toEqual([])
  })

  it('finds imports when there are some', () => {
    expect(importsOf('turn/backend.ts')).toContainEqual({
      file: 'turn/event.ts',
      folder: 'turn',
      types: true,
    })
  })
})

describe('files', () => {
  it(`have at most ${lineLimit} lines, or a reason`, () => {
    const long = files
      .filter((file) => readFileSync(join(source, file), 'utf8').split('\n').length > lineLimit)
      .filter((file) => !(file in longFiles))
    expect(long).toEqual([])
  })

  it('read the environment in one place only', () => {
    const readers = files
      .filter((file) => /process\.env\b/.test(readFileSync(join(source, file), 'utf8')))
      .filter((file) => file !== 'config/env.ts')
    expect(readers).toEqual([])
  })
})
