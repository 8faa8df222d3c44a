import { createHash, randomBytes } from 'node:crypto'
import { decrypted, derivedKey, encrypted } from './encryption.ts'

/** What became of a sealed text: it opened; it has the seal of another key; or it has none, or was changed. */
export type Opened = { type: 'opened'; text: string } | { type: 'other-key' } | { type: 'broken' }

/** Makes texts that others keep for us and give back: they can neither read nor change them. */
export interface Seal {
  close(text: string): string
  open(sealed: string): Opened
}

const mark = 'sealed1'
const about = 'a text that others keep'

/** With a secret the same seal each time; without one it is this process's alone. */
export async function createSeal(secret: string | undefined): Promise<Seal> {
  const key =
    secret === undefined ? randomBytes(32) : await derivedKey(secret, 'claude-code-api seal')
  // Tells a text of another server, or of the one before the restart, from one that was changed.
  const name = createHash('sha256').update(key).digest('hex').slice(0, 8)
  return {
    close: (text) =>
      `${mark}.${name}.${encrypted(key, Buffer.from(text), about).toString('base64url')}`,
    open(sealed) {
      const [, other, content] = /^sealed1\.([\da-f]{8})\.([\w-]+)$/.exec(sealed) ?? []
      if (content === undefined) return { type: 'broken' }
      if (other !== name) return { type: 'other-key' }
      try {
        const text = decrypted(key, Buffer.from(content, 'base64url'), about).toString()
        return { type: 'opened', text }
      } catch {
        return { type: 'broken' }
      }
    },
  }
}
