import { flagOf, sections, settings, type Setting } from '../config/schema.ts'

/** The text of `--help`, made from the table of settings. */
export function helpText(): string {
  const flags = Object.entries(sections).map(([section, title]) => sectionText(section, title))
  return `An OpenAI-compatible HTTP API in front of the Claude Code CLI

Usage: claude-code-api [command] [flags]

Commands:
  serve      Start the server (this is what happens without a command)
  doctor     Check whether the server could serve here; --json for machines
  config     Print the configuration in force, secrets left out; --json for machines
  cache      Print what the running server's cache keeps, or \`cache clear\` it; --json for machines
  migrate    Bring the schema of the database up to date (a start does that too)
  backup     \`backup FOLDER\` copies the embedded database and the uploaded files, beside a running server too
  restore    \`restore FOLDER\` puts a backup in their place; --force when there is a database already

  keys       Make and change API keys, also beside a running server: \`keys create NAME\`, \`keys list\`, \`keys show ID\`,
             \`keys rotate ID\`, \`keys revoke ID\`; see docs/keys.md; --json for machines

  batch      \`batch run INPUT.jsonl -o OUTPUT.jsonl\` has a file of requests answered, by the server that runs or by one of its own
  map        \`map 'docs/**/*.md' --prompt TEXT -o FOLDER\` asks one question about many documents; see docs/batches.md for both

  --help     Print this text
  --version  Print the version

Each flag is also an environment variable and a line of \`.env\` (--log-level is LOG_LEVEL); flags win over the
environment, and the environment over \`.env\`.

${flags.join('\n\n')}`
}

function sectionText(section: string, title: string): string {
  const lines = Object.entries<Setting>(settings)
    .filter(([, row]) => row.section === section)
    .map(([name, row]) => flagLine(name, row))
  return `${title}:\n${lines.join('\n')}`
}

function flagLine(name: string, row: Setting): string {
  const flag = `--${flagOf(name)}${row.repeat === undefined ? '' : '-<n>'}`
  const fallback = row.default === undefined ? '' : ` (${row.default})`
  return `  ${flag.padEnd(32)} ${row.doc}${fallback}`
}
