/**
 * A server that will be killed: one process in the middle of a turn, one that waits, and the reaper that is to end both. Says
 * their ids once the answer has begun. Its environment is the child's, with the binary in CLAUDE and the folder in FOLDER.
 */
import type { ChildProcess } from 'node:child_process'
import type { Options } from '@anthropic-ai/claude-agent-sdk'
import { ClientTools } from '../../src/engine/tools/client-tools.ts'
import { ClaudeProcess } from '../../src/engine/processes/claude-process.ts'
import { processOptions } from '../../src/engine/options.ts'
import { Reaper } from '../../src/engine/processes/reaper.ts'
import { WaitingRoom } from '../../src/engine/processes/waiting-room.ts'
import { turnOf } from './turns.ts'

const { CLAUDE = '', FOLDER = '', ...environment } = process.env as Record<string, string>
const children: ChildProcess[] = []
const reaper = new Reaper()
const room = new WaitingRoom({
  limits: { floor: 1, ceiling: 1 },
  onStart: (child) => {
    children.push(child)
    reaper.watch(child)
  },
})
const options: Options = processOptions(turnOf(), {
  claude: CLAUDE,
  environment,
  folder: FOLDER,
  modelListed: true,
  isKept: true,
  mcpServers: {},
  permissions: {},
  agentic: false,
  clientTools: new ClientTools(turnOf()),
})

const running = new ClaudeProcess(options, room, { pinned: true })
await running.introduction()
room.refill()
running.ask([{ type: 'text', text: 'Talk' }])
for (;;) {
  const message = await running.next()
  if (message.type === 'stream_event' && message.event.type === 'content_block_delta') break
}
console.log(JSON.stringify(children.map(({ pid }) => pid)))
