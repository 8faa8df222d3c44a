import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Sample } from './measure.ts'

/** The built server as a process of its own, as users run it. */
export async function startBuiltServer(environment: Record<string, string>, folder: string) {
  const port = await freePort()
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    cwd: folder,
    env: {
      ...environment,
      PORT: String(port),
      DATA_DIR: `${folder}/data`,
      WORKSPACE_ROOTS: folder,
      LOG_LEVEL: 'warn',
    },
    stdio: 'ignore',
  })
  const url = `http://127.0.0.1:${port}`
  await untilReady(url)
  return {
    url,
    chat: () => chat(url),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

/** One streamed chat completion. */
async function chat(url: string): Promise<Sample> {
  const begin = performance.now()
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      stream: true,
      messages: [{ role: 'user', content: 'Say something short.' }],
    }),
  })
  if (!response.ok || !response.body)
    throw new Error(`The server answered ${response.status}: ${await response.text()}`)
  let firstTokenMs = Number.NaN
  let text = ''
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece
    if (Number.isNaN(firstTokenMs) && /"content":"[^"]/.test(text))
      firstTokenMs = performance.now() - begin
  }
  if (Number.isNaN(firstTokenMs)) throw new Error(`The server gave no answer: ${text}`)
  return { firstTokenMs, totalMs: performance.now() - begin }
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const response = await fetch(`${url}/ready`).catch(() => undefined)
    if (response?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('The server did not become ready within 20 s.')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('No free port.')
  return address.port
}
