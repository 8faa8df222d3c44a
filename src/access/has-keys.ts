import { join } from 'node:path'
import { rememberedFlag } from '../lib/remembered-flag.ts'

/** Whether a machine has seen that there are keys: it asks for one then, also while the storage is away. */
export function hasKeysFlag(dataDir: string): ReturnType<typeof rememberedFlag> {
  return rememberedFlag(join(dataDir, 'has-keys'))
}
