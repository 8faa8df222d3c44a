import { join } from 'node:path'

/** Files and folders of a home folder that hold credentials, or are run by others: no tool touches them. */
const inHome = [
  '.aws',
  '.azure',
  '.bash_history',
  '.cargo/credentials',
  '.cargo/credentials.toml',
  '.claude',
  '.claude.json',
  '.config/gcloud',
  '.config/gh',
  '.config/op',
  '.docker',
  '.git-credentials',
  '.gnupg',
  '.kube',
  '.local/share/keyrings',
  '.netrc',
  '.node_repl_history',
  '.npmrc',
  '.password-store',
  '.pgpass',
  '.pypirc',
  '.python_history',
  '.ssh',
  '.terraform.d',
  '.yarnrc.yml',
  '.zsh_history',
  'Library/Keychains',
]

export function credentialPaths(home: string): string[] {
  return inHome.map((path) => join(home, path))
}

/**
 * Names that are never written to, wherever they lie: what is in them is run later by git, a shell, an editor or Claude Code,
 * outside every confinement.
 */
const runLater = new Set([
  '.bash_profile',
  '.bashrc',
  '.claude',
  '.git',
  '.gitconfig',
  '.gitmodules',
  '.idea',
  '.mcp.json',
  '.profile',
  '.vscode',
  '.zprofile',
  '.zshenv',
  '.zshrc',
])

/** The part of a path that makes it one that others run, if there is one. */
export function runLaterName(path: string): string | undefined {
  return path.split(/[/\\]/).find((name) => runLater.has(name.toLowerCase()))
}

/** Variables that hold credentials of the model's account: unset for commands in the sandbox. */
export const credentialVariables = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_AWS_API_KEY',
  'ANTHROPIC_CUSTOM_HEADERS',
  'ANTHROPIC_FOUNDRY_API_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_BEARER_TOKEN_BEDROCK',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AZURE_CLIENT_SECRET',
  'CLAUDE_CODE_CLIENT_KEY_PASSPHRASE',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'GOOGLE_APPLICATION_CREDENTIALS',
]
