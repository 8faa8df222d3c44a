import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Options } from '@anthropic-ai/claude-agent-sdk'
import { credentialVariables } from './permissions/forbidden.ts'

/** Where commands in the sandbox work. Absolute paths, links resolved. */
export type SandboxPlace = {
  cwd: string
  addDirs: readonly string[]
  /** Neither read nor written although they lie in a working folder. */
  forbidden: readonly string[]
  /** Folders of programs besides the system's. */
  programFolders: readonly string[]
}

/** The longest that a check of a program may take, in milliseconds. */
const checkMs = 5_000

/** What must run on Linux; bubblewrap is tried, because an installed one is often forbidden to make namespaces. */
const linuxChecks: readonly (readonly [program: string, ...words: string[]])[] = [
  [
    'bwrap',
    '--ro-bind',
    '/',
    '/',
    '--dev',
    '/dev',
    '--proc',
    '/proc',
    '--unshare-net',
    '--unshare-pid',
    'true',
  ],
  ['socat', '-V'],
  ['rg', '--version'],
]

/** Whether commands of tools can be confined on this machine. Runs the programs that it takes. */
export async function detectSandbox(
  platform: string = process.platform,
): Promise<'available' | 'unavailable'> {
  if (platform === 'darwin') return 'available'
  if (platform !== 'linux') return 'unavailable'
  const run = promisify(execFile)
  try {
    await Promise.all(
      linuxChecks.map(([program, ...words]) => run(program, words, { timeout: checkMs })),
    )
    return 'available'
  } catch {
    // Missing, or not permitted: `doctor` says which.
    return 'unavailable'
  }
}

/** What programs need to run: theirs, and no configuration that could hold a secret. */
const linuxReadable = [
  '/bin',
  '/lib',
  '/lib32',
  '/lib64',
  '/nix/store',
  '/opt',
  '/sbin',
  '/usr',
  '/etc/alternatives',
  '/etc/bash.bashrc',
  '/etc/ca-certificates',
  '/etc/fonts',
  '/etc/group',
  '/etc/hosts',
  '/etc/inputrc',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
  '/etc/mime.types',
  '/etc/nsswitch.conf',
  '/etc/os-release',
  '/etc/passwd',
  '/etc/pki/tls/certs',
  '/etc/profile',
  '/etc/profile.d',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/terminfo',
  '/etc/timezone',
]

/** On macOS too much of the system is needed to list it, so what belongs to people is listed instead. */
const macUnreadable = [
  '/Users',
  '/Volumes',
  '/private/tmp',
  '/private/var/folders',
  '/private/var/root',
  '/private/etc/ssh',
]

/**
 * The SDK's `sandbox` option: commands write to the working folders and the temporary folder alone, read only those and the
 * system's programs, and have no network. `autoAllowBashIfSandboxed` stays off, so that the rules of a request hold for
 * commands in the sandbox too.
 */
export function sandboxSettings(
  place: SandboxPlace,
  platform: string = process.platform,
): NonNullable<Options['sandbox']> {
  const working = [place.cwd, ...place.addDirs]
  const programs = place.programFolders.flatMap((folder) => [folder, join(dirname(folder), 'lib')])
  return {
    enabled: true,
    failIfUnavailable: true,
    autoAllowBashIfSandboxed: false,
    allowUnsandboxedCommands: false,
    network: {
      allowedDomains: [],
      strictAllowlist: true,
      allowLocalBinding: false,
      allowAllUnixSockets: false,
    },
    filesystem: {
      allowWrite: working,
      denyWrite: [...place.forbidden],
      denyRead: [...(platform === 'darwin' ? macUnreadable : ['/']), ...place.forbidden],
      allowRead: [...(platform === 'darwin' ? [] : linuxReadable), ...programs, ...working],
    },
    credentials: { envVars: credentialVariables.map((name) => ({ name, mode: 'deny' as const })) },
  }
}
