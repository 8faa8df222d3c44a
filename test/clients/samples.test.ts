import { existsSync } from 'node:fs'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { says } from '../scripted-anthropic/server.ts'
import { projectFiles, readPage, readProjectFile, root } from '../support/markdown.ts'
import { canRun, run } from '../support/samples.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** The programs that the pages of clients show; the tests of Codex, opencode and promptfoo run with the settings of theirs. */
const samples = projectFiles('docs/clients').flatMap((page) =>
  readPage(readProjectFile(page)).code.map((block, index) => ({
    ...block,
    name: `${page}, sample ${index + 1}`,
  })),
)
const javaScript = samples.filter(({ language }) => language === 'js')
const python = samples.filter(({ language }) => language === 'python')
const hasPython = await canRun('python3', ['--version'])

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  server.anthropic.respond = () => says('I am scripted.')
  await symlink(join(root, 'node_modules'), join(server.workspace, 'node_modules'))
})
afterAll(() => server.close())

describe('the samples of the clients', () => {
  it('are some', () => {
    expect(javaScript.length).toBeGreaterThan(5)
  })

  it.each(javaScript)('$name prints what the model says', async ({ name, text }) => {
    const file = join(server.workspace, `${javaScript.findIndex((one) => one.name === name)}.mjs`)
    await writeFile(file, text.replaceAll('http://127.0.0.1:8082', server.url))
    expect(await run(process.execPath, [file])).toContain('I am scripted.')
  })

  it.skipIf(!hasPython)('in Python compile', async () => {
    for (const { text } of python) {
      const compile = 'import ast, sys; ast.parse(sys.stdin.read())'
      await run('python3', ['-c', compile], { input: text })
    }
  })
})

const page = (name: string): string => readProjectFile(`docs/clients/${name}`)

describe('the pages of the clients', () => {
  const rows = readPage(page('README.md')).tables.flatMap(([client = '', , passes, again = '']) => {
    const target = /\]\((.+\.md)\)/.exec(client)?.[1]
    return target !== undefined && passes !== undefined ? [{ target, passes, again }] : []
  })

  it.each(rows)(
    '$target has the number and the command of the table',
    ({ target, passes, again }) => {
      const text = page(target)
      expect(text).toContain(`**${passes}**`)
      const file = /^`(.+?)`/.exec(again)?.[1] ?? expect.fail()
      expect(text).toContain(`npm test -- ${file}`)
      expect(existsSync(join(root, file))).toBe(true)
    },
  )

  it('name the versions that are installed', () => {
    const { dependencies, devDependencies } = JSON.parse(readProjectFile('package.json')) as {
      dependencies: Record<string, string>
      devDependencies: Record<string, string>
    }
    const installed = { ...devDependencies, ...dependencies }
    const stale = projectFiles('docs/clients').flatMap((name) =>
      [...readProjectFile(name).matchAll(/`([@\w/-]+)` (\d+\.\d+\.\d+)/g)]
        .filter(([, wanted = '', version]) => (installed[wanted] ?? version) !== version)
        .map(([words]) => `${name}: ${words}`),
    )
    expect(stale).toEqual([])
  })
})
