import { Pool } from 'undici'
import type { Target } from './processes.ts'

/** What a target did under a load: CPU in microseconds a request, latency in milliseconds. */
export type Load = {
  requests: number
  perSecond: number
  p50: number
  p99: number
  cpuUs: number | undefined
}

export type Asking = { connections: number; stream: boolean; seconds: number }

/** A request of 7 kB with 20 messages, as an agent sends it. */
export function bodyOf(stream: boolean): string {
  const messages = Array.from({ length: 20 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `Message ${index}: ${'lorem ipsum dolor sit amet '.repeat(11)}`,
  }))
  messages.push({ role: 'user', content: 'And now?' })
  return JSON.stringify({ model: 'bench', messages, stream })
}

/** As many requests as go, from so many connections at once, each with the next as soon as it has its answer. */
export async function load(target: Target, asking: Asking): Promise<Load> {
  const pool = new Pool(target.origin, { connections: asking.connections })
  const body = bodyOf(asking.stream)
  await hammer(pool, target, body, { ...asking, seconds: Math.min(0.3, asking.seconds) })
  const cpuBefore = target.cpuMs()
  const begun = performance.now()
  const latencies = await hammer(pool, target, body, asking)
  const seconds = (performance.now() - begun) / 1000
  const cpuAfter = target.cpuMs()
  await pool.destroy()
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return {
    requests: sorted.length,
    perSecond: sorted.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuUs:
      cpuBefore === undefined || cpuAfter === undefined
        ? undefined
        : ((cpuAfter - cpuBefore) * 1000) / sorted.length,
  }
}

async function hammer(
  pool: Pool,
  target: Target,
  body: string,
  { connections, seconds }: Asking,
): Promise<number[]> {
  const latencies: number[] = []
  const end = performance.now() + seconds * 1000
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const begun = performance.now()
      const { statusCode, body: answer } = await pool.request({
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', ...target.headers },
        body,
      })
      const text = await answer.text()
      if (statusCode !== 200) throw new Error(`${target.name}: ${statusCode} ${text.slice(0, 300)}`)
      latencies.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  return latencies
}
