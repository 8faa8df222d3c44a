import { availableParallelism, freemem, totalmem } from 'node:os'
import type { WaitingLimits } from './waiting-policy.ts'

/** What the machine has, as far as it decides how many processes run here. Memory in bytes. */
export type Machine = { cores: number; totalBytes: number; availableBytes: number }

/** The memory of an idle Claude Code process that no other one shares, with room for its turn. */
export const processBytes = 200 * 1024 * 1024

/** The machine now; in a container its own limits count. */
export function readMachine(): Machine {
  const constrained = process.constrainedMemory()
  // Without a limit the number is none, or larger than any memory.
  const isLimited = constrained > 0 && constrained < totalmem()
  return {
    cores: availableParallelism(),
    totalBytes: isLimited ? constrained : totalmem(),
    availableBytes: isLimited ? Math.min(process.availableMemory(), freemem()) : freemem(),
  }
}

/** How long an answer holds, in milliseconds: memory is asked for at every turn. */
const holdsMs = 1_000

/** Tells whether memory is short, asking the system now and then. */
export function memoryWatch(read: () => Machine = readMachine, now = () => performance.now()) {
  let isShort = false
  let askedAt = -Infinity
  return (): boolean => {
    if (now() - askedAt < holdsMs) return isShort
    askedAt = now()
    isShort = isShortOfMemory(read())
    return isShort
  }
}

/** A setting's number, or `auto`: what fits the machine. */
export type Amount = number | 'auto'

export type Amounts = { turns: Amount; live: Amount; waiting: Amount }

/** How many processes wait at the least and at the most; none at all where the owner wants none at the least. */
export function waitingLimits(floor: number, amounts: Amounts, machine: Machine): WaitingLimits {
  if (floor === 0 && amounts.waiting === 'auto') return { floor: 0, ceiling: 0 }
  return { floor, ceiling: Math.max(floor, amountsFor(machine, amounts).waiting) }
}

/** How many turns run at once, how many conversations keep their process, and how many processes wait at the most. */
export function amountsFor(machine: Machine, asked: Amounts): Record<keyof Amounts, number> {
  const fitting = Math.floor(machine.totalBytes / processBytes)
  const auto = {
    // A turn mostly waits for the API; eight a core keep it busy, and half of the memory holds them.
    turns: clamp(machine.cores * 8, 2, Math.max(2, Math.floor(fitting / 2))),
    live: clamp(Math.floor(fitting / 6), 2, 64),
    waiting: clamp(machine.cores, 1, Math.max(1, Math.floor(fitting / 8))),
  }
  const amount = (name: keyof Amounts): number => {
    const wanted = asked[name]
    return wanted === 'auto' ? auto[name] : wanted
  }
  return { turns: amount('turns'), live: amount('live'), waiting: amount('waiting') }
}

/** Whether so little memory is left that nothing should be kept in it that is not needed. */
export function isShortOfMemory({ totalBytes, availableBytes }: Machine): boolean {
  return availableBytes < Math.max(totalBytes * 0.05, 2 * processBytes)
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most))
}
