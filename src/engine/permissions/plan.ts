import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { HookCallback, Options } from '@anthropic-ai/claude-agent-sdk'
import type { ClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import type { Notice } from '../../turn/event.ts'
import { sandboxSettings } from '../sandbox.ts'
import type { CallBound } from './call-bound.ts'
import { type FilePlace } from './file-access.ts'
import { credentialPaths } from './forbidden.ts'
import { gate } from './gate.ts'
import { isWithin } from './real-path.ts'
import { type Selection, selectTools, type ToolPolicy } from './selection.ts'
import { createWall } from './wall.ts'

export type { ToolPolicy } from './selection.ts'

/** Where a request's tools work. Absolute paths, links resolved. */
export type ToolPlace = {
  cwd: string
  addDirs: string[]
  /** `WORKSPACE_ROOTS`: working folders lie in one of them. */
  roots: string[]
  /** Kept from every tool, even inside a root: the server's data, its `.env`, Claude Code's own folder. */
  forbidden: string[]
  /** The server's own folder for this caller, open although it lies in a forbidden one. */
  ownFolder?: string
  /** Default: the home folder of the server's account. */
  home?: string
}

/** What the SDK is told about tools, and what the caller is told. */
export type PermissionPlan = {
  options: Pick<
    Options,
    | 'tools'
    | 'allowedTools'
    | 'disallowedTools'
    | 'canUseTool'
    | 'hooks'
    | 'permissionMode'
    | 'sandbox'
    | 'additionalDirectories'
    | 'settings'
    | 'managedSettings'
  >
  /** Built-in tools may run. */
  agentic: boolean
  notices: Notice[]
}

/**
 * Decides what the tools of one request may touch. Throws a `TurnError`: 400 for a rule that is none, 403 naming the setting for
 * what the owner does not allow. `first` decides before the wall on each use, `bound` after it.
 */
export function planPermissions(
  claude: ClaudeOptions,
  policy: ToolPolicy,
  place: ToolPlace,
  deciding: { first?: HookCallback; bound?: CallBound | undefined } = {},
): PermissionPlan {
  const selection = selectTools(claude, policy)
  const agentic = selection.tools.length > 0
  const home = place.home ?? homedir()
  const files: FilePlace = {
    ...place,
    home,
    forbidden: [...place.forbidden, ...credentialPaths(home)].map((path) => resolve(path)),
  }
  if (agentic) checkFolders(files, place.roots)
  const wall = createWall({
    tools: new Set(selection.tools),
    allow: selection.allow,
    deny: selection.deny,
    place: files,
    web: { allowPrivateNetwork: policy.allowPrivateNetwork },
  })
  const inner = agentic ? innerForbidden(files) : []
  const confined = agentic && policy.sandbox === 'available'
  return {
    options: {
      tools: selection.tools,
      ...ruleOptions(selection, inner),
      ...gate(wall, commandsLimited(selection), deciding),
      permissionMode: 'default',
      ...(confined && {
        sandbox: sandboxSettings({
          cwd: place.cwd,
          addDirs: place.addDirs,
          forbidden: inner,
          programFolders: policy.programFolders ?? [],
        }),
      }),
      ...(agentic && place.addDirs.length > 0 && { additionalDirectories: place.addDirs }),
      // Commands inside a skill's text would run past the wall.
      ...(agentic && { settings: { disableSkillShellExecution: true } }),
      // Hooks of a project's settings are commands that nothing confines.
      ...(claude.projectSettings && { managedSettings: { allowManagedHooksOnly: true } }),
    },
    agentic,
    notices: selection.notices,
  }
}

/** Rules for Claude Code's own matcher. Bare names are not among them: a bare name would skip every other check. */
function ruleOptions(
  { tools, allow, deny }: Selection,
  inner: readonly string[],
): Pick<Options, 'allowedTools' | 'disallowedTools'> {
  const allowed = limitedCommands(allow, tools)
  const disallowed = [
    ...deny.map(({ text }) => text),
    // Keeps searches from walking into them.
    ...inner.flatMap((path) => [
      `Read(/${escapePattern(path)})`,
      `Read(/${escapePattern(path)}/**)`,
    ]),
  ]
  return {
    ...(allowed.length > 0 && { allowedTools: allowed }),
    ...(disallowed.length > 0 && { disallowedTools: disallowed }),
  }
}

function commandsLimited({ allow, tools }: Selection): boolean {
  return limitedCommands(allow, tools).length > 0
}

/** The rules of the first list that limits Bash to some commands; the wall holds the other list as well. */
function limitedCommands(allow: Selection['allow'], tools: readonly string[]): string[] {
  if (!tools.includes('Bash')) return []
  const lists = allow.map((rules) => rules.filter((rule) => rule.tool === 'Bash'))
  const limited = lists.find(
    (rules) => rules.length > 0 && rules.every((rule) => rule.content !== undefined),
  )
  return (limited ?? []).map(({ text }) => text)
}

/** Working folders lie in the roots and in nothing forbidden; only the server's own folder for the caller may. */
function checkFolders(place: FilePlace, roots: readonly string[]): void {
  for (const folder of [place.cwd, ...place.addDirs]) {
    if (folder === place.ownFolder) continue
    const lower = folder.toLowerCase()
    const forbidden = place.forbidden.some((path) => isWithin(lower, path.toLowerCase()))
    if (forbidden || !roots.some((root) => isWithin(folder, root))) {
      throw new TurnError(
        'forbidden',
        `Tools cannot work in ${folder}: it is outside the folders of WORKSPACE_ROOTS, or one that is kept from tools.`,
        { param: folder === place.cwd ? 'claude_options.working_dir' : 'claude_options.add_dirs' },
      )
    }
  }
}

/** Forbidden places that lie inside a working folder. */
function innerForbidden(place: FilePlace): string[] {
  return place.forbidden.filter((path) =>
    [place.cwd, ...place.addDirs].some((folder) => isWithin(path, folder)),
  )
}

/** A path as text of a gitignore pattern. */
function escapePattern(path: string): string {
  return path.replace(/[\\*?[\]!#]/g, String.raw`\$&`)
}
