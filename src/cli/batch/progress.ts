import type { Writable } from 'node:stream'
import { MultiBar, type SingleBar } from 'cli-progress'
import { Speed } from './speed.ts'

export type ProgressState = {
  done: number
  failed: number
  /** Undefined: not known. */
  costUsd: number | undefined
  /** The batch's. */
  status: string
}

/** How far it is, for the person who waits. */
export interface Progress {
  update(state: ProgressState): void
  /** A line that stays. */
  note(text: string): void
  stop(): void
}

type Terminal = Writable & { isTTY?: boolean }

/** A bar on a terminal; elsewhere a line now and then. */
export function showProgress(output: Terminal, total: number): Progress {
  return output.isTTY === true ? bar(output, total) : lines(output, total)
}

function bar(stream: Writable, total: number): Progress {
  // Signals are the command's.
  const bars = new MultiBar({
    stream,
    format: ' {bar} {facts}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    gracefulExit: false,
  })
  const speed = new Speed()
  let one: SingleBar | undefined
  return {
    update(state) {
      const payload = { facts: facts(state, total, speed.look(state.done, performance.now())) }
      one ??= bars.create(total, state.done, payload)
      one.update(state.done, payload)
    },
    note(text) {
      if (one === undefined) stream.write(`${text}\n`)
      else bars.log(`${text}\n`)
    },
    stop() {
      if (one === undefined) return
      bars.update()
      bars.stop()
      one = undefined
    },
  }
}

const lineEveryMs = 10_000

function lines(stream: Writable, total: number): Progress {
  const speed = new Speed()
  let said: { atMs: number; status: string } | undefined
  let last = ''
  return {
    update(state) {
      const now = performance.now()
      last = facts(state, total, speed.look(state.done, now))
      if (said?.status === state.status && now - said.atMs < lineEveryMs) return
      said = { atMs: now, status: state.status }
      stream.write(`${last}\n`)
      last = ''
    },
    note: (text) => void stream.write(`${text}\n`),
    stop() {
      if (last !== '') stream.write(`${last}\n`)
      last = ''
    },
  }
}

const words: Readonly<Record<string, string>> = {
  validating: 'lines are read',
  finalizing: 'answers are written',
  cancelling: 'lines that run end',
  cancelled: 'cancelled',
  expired: 'the time of the batch is over',
}

/** `12/40 · 1 failed · 2.5/s · $0.14 · 12 s left`. */
export function facts(
  { done, failed, costUsd, status }: ProgressState,
  total: number,
  perSecond: number | undefined,
): string {
  const isRunning = status === 'in_progress' && done < total
  const left =
    isRunning && perSecond !== undefined
      ? `${duration((total - done) / perSecond)} left`
      : undefined
  return [
    `${done}/${total}`,
    failed > 0 ? `${failed} failed` : undefined,
    perSecond === undefined ? undefined : rate(perSecond),
    costUsd === undefined ? undefined : money(costUsd),
    left,
    words[status],
  ]
    .filter((fact) => fact !== undefined)
    .join(' · ')
}

function rate(perSecond: number): string {
  return perSecond >= 0.1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`
}

/** US dollars; more digits where it is little. */
export function money(usd: number): string {
  return `$${usd.toFixed(usd < 1 ? 4 : 2)}`
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
