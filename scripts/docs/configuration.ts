import { flagOf, sections, settings, variablesOf, type Setting } from '../../src/config/schema.ts'

const generated = 'Made from src/config/schema.ts by `npm run docs`; do not edit.'

/** docs/configuration.md: every setting, by section. */
export function configurationPage(): string {
  const chapters = Object.entries(sections).map(
    ([section, title]) => `## ${title}\n\n${rowsOf(section).map(entry).join('\n')}`,
  )
  return `<!-- ${generated} -->

# Configuration

Each setting is an environment variable, a line of a file \`.env\` in the folder where the server starts, and a flag:
\`PORT=9000\` or \`--port 9000\`. Flags win over the environment, and the environment over \`.env\`. An empty value is no
value. A switch's flag may stand alone (\`--strict-parameters\`) or be turned round (\`--no-strict-parameters\`). A flag can be
seen by everyone on the machine (\`ps\`): give keys in \`.env\` or the environment.

What Claude Code itself reads (\`ANTHROPIC_API_KEY\`, \`CLAUDE_CONFIG_DIR\`, the variables of Bedrock, Vertex and Foundry,
proxies) may stand in \`.env\` too.

A value that cannot be used stops the start with the variable's name, what it was and what it may be; so do settings that
contradict each other. \`claude-code-api config\` prints what is in force and where it came from; secrets are never printed.

${chapters.join('\n\n')}
`
}

function entry([name, row]: [string, Setting]): string {
  const suffix = row.repeat === undefined ? '' : '_n'
  const flag = `--${flagOf(name)}${row.repeat === undefined ? '' : '-n'}`
  const facts = [
    `May be ${row.kind.expects}`,
    row.default === undefined ? 'not set by default' : `default \`${row.default}\``,
    ...(row.secret === true ? ['secret'] : []),
    ...(row.repeat === undefined ? [] : [`n from 1 to ${row.repeat}, without gaps`]),
    `flag \`${flag}\``,
  ]
  return `- **\`${name}${suffix}\`**: ${row.doc}\\\n  ${facts.join('; ')}.`
}

/** .env.example: every setting, commented out, with its default. */
export function envExample(): string {
  const chapters = Object.entries(sections).map(([section, title]) => {
    const lines = rowsOf(section).flatMap(([name, row]) => [
      `# ${row.doc}`,
      // One is enough to show the pattern.
      `# ${variablesOf(name, row)[0]}=${row.default ?? ''}`,
      '',
    ])
    return [`## ${title}`, '', ...lines].join('\n')
  })
  const more = `# More fallbacks are ${variablesOf('FALLBACK_API_NAME', settings.FALLBACK_API_NAME).slice(1).join(', ')} and so on.`
  return `# Copy to .env and take the # away from what you change. docs/configuration.md says more.
# ${generated}

${chapters.join('\n')}
${more}
`
}

function rowsOf(section: string): [string, Setting][] {
  return Object.entries<Setting>(settings).filter(([, row]) => row.section === section)
}
