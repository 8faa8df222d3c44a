import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { temporaryFolder } from './claude.ts'

export const isRoot = process.getuid?.() === 0

/** Only root may mount, and not in every container. */
export const canMount = isRoot && (await triesToMount())

async function triesToMount(): Promise<boolean> {
  await using folder = await temporaryFolder()
  try {
    mount(folder.path)
    unmount(folder.path)
    return true
  } catch {
    return false
  }
}

/** A small disk of its own over a folder. */
export function mount(path: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path], { stdio: 'ignore' })
}

export function unmount(path: string): void {
  execFileSync('umount', ['-l', path], { stdio: 'ignore' })
}

/** Fills it with a file `filler`, to the last byte. */
export async function fill(path: string): Promise<void> {
  await writeFile(join(path, 'filler'), Buffer.alloc(8 * 1024 * 1024)).catch(() => {})
  await expect(writeFile(join(path, 'more'), 'x'.repeat(100_000))).rejects.toThrow(/ENOSPC/)
}
