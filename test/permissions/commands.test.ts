import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ToolPlace } from '../../src/engine/permissions/plan.ts'
import { detectSandbox } from '../../src/engine/sandbox.ts'
import { bash, runTools, temporaryFolder } from './run-tools.ts'

const sandbox = await detectSandbox()

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let cwd: string
let place: ToolPlace

beforeAll(async () => {
  folder = await temporaryFolder()
  cwd = join(folder.path, 'work')
  await mkdir(join(cwd, 'kept'), { recursive: true })
  await mkdir(join(folder.path, 'home'))
  await writeFile(join(cwd, 'inside.txt'), 'INSIDE')
  await writeFile(join(cwd, 'kept', 'key.txt'), 'KEPT')
  await writeFile(join(folder.path, 'secret.txt'), 'SECRET')
  execFileSync('git', ['init', '-q', cwd])
  place = {
    cwd,
    addDirs: [],
    roots: [folder.path],
    forbidden: [join(cwd, 'kept')],
    home: join(folder.path, 'home'),
  }
})

afterAll(() => folder.remove())

const refused = /refused by this server/

describe('rules for commands on the real claude', () => {
  it('let pass what they cover, and no part of a line that they do not', async () => {
    const good = [
      'git status',
      'git status --short 2>/dev/null && git log --oneline -1 2>&1; git branch',
    ]
    const bad = [
      'git status && rm inside.txt',
      'git status; touch made.txt',
      'git status | tee made.txt',
      'ls',
      'cat inside.txt',
      'git log $(touch made.txt)',
      'git log `touch made.txt`',
      'git status > made.txt',
      'git status\ntouch made.txt',
      'git status & touch made.txt',
      'FOO=1 git status',
      'gitk',
    ]
    const { results } = await runTools([...good, ...bad].map(bash), {
      place,
      claude: { tools: ['Bash(git *)'] },
    })
    for (const [index, command] of good.entries())
      expect(results[index], command).not.toMatch(refused)
    expect(results[0]).toContain('On branch')
    for (const [index, command] of bad.entries())
      expect(results[good.length + index], command).toMatch(refused)
    expect(existsSync(join(cwd, 'made.txt'))).toBe(false)
    expect(existsSync(join(cwd, 'inside.txt'))).toBe(true)
  })

  it("hold the owner's list as well as the caller's", async () => {
    const { results } = await runTools(['git status', 'git log', 'echo hi'].map(bash), {
      place,
      claude: { tools: ['Bash'] },
      policy: { allowedTools: ['Bash(git status*)', 'Bash(echo hi)'] },
    })
    expect(results[0]).toContain('On branch')
    expect(results[1]).toMatch(refused)
    expect(results[2]).toContain('hi')
  })

  it('refuse what is disallowed, whatever else allows it', async () => {
    const commands = [
      'rm inside.txt',
      'git status && rm inside.txt',
      'echo $(rm inside.txt)',
      '/bin/rm inside.txt',
      'echo "a,b"',
      'echo hi',
    ]
    const { results } = await runTools(commands.map(bash), {
      place,
      claude: { autoAllowPermissions: true, disallowedTools: ['Bash(rm *)', 'Bash(echo "a,b")'] },
    })
    for (const result of results.slice(0, 5)) expect(result).toMatch(/has been denied/)
    expect(results[5]).toContain('hi')
    expect(existsSync(join(cwd, 'inside.txt'))).toBe(true)
  })

  it('take a tool that is disallowed whole out of the sight of the model', async () => {
    const { offered, results } = await runTools(
      [{ name: 'Write', input: { file_path: join(cwd, 'w.txt'), content: 'x' } }],
      {
        place,
        claude: { autoAllowPermissions: true, disallowedTools: ['Write', 'Bash'] },
      },
    )
    expect(offered).toContain('Read')
    expect(offered).not.toContain('Write')
    expect(offered).not.toContain('Bash')
    expect(results[0]).toMatch(/No such tool/)
  })

  it('are obeyed with auto_allow_permissions, as root too', async () => {
    const { results } = await runTools([bash('touch auto.txt && id -u')], {
      place,
      claude: { autoAllowPermissions: true },
    })
    expect(results[0]).toContain(String(process.getuid?.()))
    expect(existsSync(join(cwd, 'auto.txt'))).toBe(true)
  })
})

describe('project settings on the real claude', () => {
  it("do not run the project's hooks", async () => {
    await mkdir(join(cwd, '.claude'), { recursive: true })
    const command = {
      hooks: [{ type: 'command', command: `touch ${join(folder.path, 'hook-ran')}` }],
    }
    await writeFile(
      join(cwd, '.claude', 'settings.json'),
      JSON.stringify({ hooks: { SessionStart: [command], PreToolUse: [command] } }),
    )
    await writeFile(join(cwd, 'CLAUDE.md'), 'PROJECT-WORDS')
    const uses = [
      bash('echo hi'),
      { name: 'Read', input: { file_path: join(folder.path, 'secret.txt') } },
    ]
    const { results, requests } = await runTools(uses, {
      place,
      claude: { tools: ['Bash', 'Read'], projectSettings: true },
    })
    expect(JSON.stringify(requests[0]?.body)).toContain('PROJECT-WORDS')
    expect(results[0]).toContain('hi')
    expect(results[1]).toMatch(refused)
    expect(existsSync(join(folder.path, 'hook-ran'))).toBe(false)
  })
})

describe.skipIf(sandbox === 'unavailable')(
  'commands in the sandbox of the real claude (needs bubblewrap, socat and ripgrep)',
  () => {
    it('neither write nor read outside, nor connect, nor see keys', async () => {
      const server = createServer((_, response) => response.end('LOOPBACK')).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`
      const commands = [
        'echo made > made-here.txt && cat made-here.txt inside.txt',
        `echo x > ${join(folder.path, 'made.txt')}; echo x > /usr/made.txt; echo end`,
        `cat ${join(folder.path, 'secret.txt')} 2>&1; cat ../secret.txt 2>&1; cat /etc/shadow 2>&1; ls /root/.ssh "$CLAUDE_CONFIG_DIR" 2>&1; echo end`,
        `curl -s -m 3 ${url} || curl -s -m 3 --noproxy '*' ${url} || echo no-network`,
        'cat kept/key.txt 2>&1; echo end',
        'env | grep -c scripted-key; tr "\\0" "\\n" < /proc/1/environ 2>/dev/null | grep -c scripted-key; echo end',
        'mkdir -p .git/hooks; echo x > .git/hooks/post-commit; echo x > .mcp.json; echo end',
        'node -e "console.log(6 * 7)"',
      ]
      const { results } = await runTools(
        [
          ...commands.map(bash),
          {
            name: 'Bash',
            input: {
              command: `cat ${join(folder.path, 'secret.txt')}`,
              description: 'x',
              dangerouslyDisableSandbox: true,
            },
          },
        ],
        { place, claude: { tools: ['Bash'] }, policy: { sandbox: 'available' } },
      )
      server.close()
      server.closeAllConnections()
      expect(results[0]).toMatch(/made[^]*INSIDE/)
      expect(existsSync(join(folder.path, 'made.txt'))).toBe(false)
      expect(existsSync('/usr/made.txt')).toBe(false)
      expect(results[2]).toContain('end')
      expect(results[3]).toContain('no-network')
      expect(results[5]).toMatch(/^0\n(.*Permission denied\n)?0\nend/)
      expect(existsSync(join(cwd, '.git', 'hooks', 'post-commit'))).toBe(false)
      expect(results[7]).toContain('42')
      expect(results.join()).not.toMatch(/SECRET|root:[*!$]|LOOPBACK|KEPT/)
    })

    it("stay in it whatever the project's own settings say", async () => {
      await mkdir(join(cwd, '.claude'), { recursive: true })
      const settings = {
        permissions: { allow: ['Bash'], additionalDirectories: [folder.path] },
        sandbox: {
          enabled: false,
          excludedCommands: ['cat', 'cat *', 'cat:*'],
          allowUnsandboxedCommands: true,
          filesystem: { allowRead: [folder.path], allowWrite: [folder.path], disabled: true },
          network: { allowedDomains: ['*'] },
        },
      }
      await writeFile(join(cwd, '.claude', 'settings.json'), JSON.stringify(settings))
      const secret = join(folder.path, 'secret.txt')
      const commands = [
        `cat ${secret}`,
        `cat ${secret} 2>&1; echo x > ${join(folder.path, 'made.txt')}; echo end`,
      ]
      const { results } = await runTools(commands.map(bash), {
        place,
        claude: { tools: ['Bash'], projectSettings: true },
        policy: { sandbox: 'available' },
      })
      expect(results[1]).toContain('end')
      expect(results.join()).not.toContain('SECRET')
      expect(existsSync(join(folder.path, 'made.txt'))).toBe(false)
    })

    it('are still held to the rules of the request', async () => {
      const { results } = await runTools(
        ['git status', 'ls', 'git status && rm inside.txt'].map(bash),
        {
          place,
          claude: { tools: ['Bash(git *)'], disallowedTools: ['Bash(git log *)'] },
          policy: { sandbox: 'available' },
        },
      )
      expect(results[0]).toContain('On branch')
      expect(results[1]).toMatch(refused)
      expect(results[2]).toMatch(refused)
    })
  },
)
