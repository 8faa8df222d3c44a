// An MCP server over stdio for tests: one tool tells what it was called with, the other does nothing.
import { createInterface } from 'node:readline'

const tools = ['tell', 'other'].map((name) => ({ name, inputSchema: { type: 'object' } }))

function answer({ method, params }) {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'test', version: '1.0.0' },
      }
    case 'tools/list':
      return { tools }
    case 'tools/call':
      return {
        content: [{ type: 'text', text: `${params.name} was told ${process.env.MCP_TEST_SECRET}` }],
      }
    default:
      return {}
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line)
  if (message.id === undefined) return
  process.stdout.write(
    `${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: answer(message) })}\n`,
  )
})
