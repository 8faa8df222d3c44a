// Compiles src/ to dist/ when a source, the compiler or its settings changed since the last build.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = join(root, 'dist', '.stamp')
const hash = createHash('sha256')
for (const file of [
  ...readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .sort()
    .map((f) => join('src', f)),
  'package.json',
  'tsconfig.json',
  'scripts/build.js',
]) {
  const path = join(root, file)
  if (statSync(path).isFile()) hash.update(file).update('\0').update(readFileSync(path))
}
const state = hash.digest('hex')

if (
  process.argv.includes('--force') ||
  !existsSync(stamp) ||
  readFileSync(stamp, 'utf8') !== state
) {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  if (!existsSync(tsc)) {
    console.error('TypeScript is not installed. Run `npm install` (not with --omit=dev) first.')
    process.exit(1)
  }
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (/\.(html|css|sql)$/.test(file)) cpSync(join(root, 'src', file), join(root, 'dist', file))
  }
  // npm makes it so at an installation; a build after it must not take it back.
  chmodSync(join(root, 'dist', 'main.js'), 0o755)
  writeFileSync(stamp, state)
}
