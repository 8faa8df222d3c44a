import { writeFileSync } from 'node:fs'
import { configurationPage, envExample } from './docs/configuration.ts'

// Writes the pages that are made from tables in the code; tests fail while they are stale.
const pages = {
  'docs/configuration.md': configurationPage(),
  '.env.example': envExample(),
}

for (const [path, content] of Object.entries(pages)) {
  writeFileSync(new URL(`../${path}`, import.meta.url), content)
}
