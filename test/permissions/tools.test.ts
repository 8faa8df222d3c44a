import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  defaultNames,
  knownTool,
  offeredNames,
  toolTable,
} from '../../src/engine/permissions/tools.ts'
import type { ToolPlace } from '../../src/engine/permissions/plan.ts'
import { runTools, temporaryFolder } from './run-tools.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

const place = (): ToolPlace => ({
  cwd: folder.path,
  addDirs: [],
  roots: [folder.path],
  forbidden: [],
  home: folder.path,
})

/** The name that `system/init` still uses for the Agent tool. */
const today = (name: string) => (name === 'Task' ? 'Agent' : name)

describe('toolTable against the real claude', () => {
  it('knows every tool that the binary turns on of itself', async () => {
    const { tools } = await runTools([], {
      place: place(),
      options: { tools: { type: 'preset', preset: 'claude_code' } },
    })
    expect(tools.length).toBeGreaterThan(10)
    expect(tools.map(today).filter((name) => !knownTool(name))).toEqual([])
  })

  it('offers only tools that the binary has', async () => {
    const { tools } = await runTools([], {
      place: place(),
      options: { tools: Object.keys(toolTable) },
    })
    const names = new Set(tools.map(today))
    expect(offeredNames.filter((name) => !names.has(name))).toEqual([])
  })

  it('gives a request exactly the tools of the plan', async () => {
    const { tools, offered } = await runTools([], {
      place: place(),
      claude: { autoAllowPermissions: true },
    })
    expect(tools.map(today).toSorted()).toEqual(defaultNames.toSorted())
    expect(offered).toContain('WebFetch')
    const plain = await runTools([], { place: place() })
    expect(plain.tools).toEqual([])
  })
})
