import { existsSync, rmSync, writeFileSync } from 'node:fs'

/** Something that is true or not, remembered as a file that is there or not. What cannot be written is forgotten with the process. */
export function rememberedFlag(path: string): { get(): boolean; set(value: boolean): void } {
  return {
    get: () => existsSync(path),
    set: (value) => {
      if (value === existsSync(path)) return
      try {
        if (value) writeFileSync(path, '', { mode: 0o600 })
        else rmSync(path, { force: true })
      } catch {
        // A full disk, or a folder that is not there: it is set again when it is next known.
      }
    },
  }
}
