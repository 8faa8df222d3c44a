import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16
const cipher = 'aes-256-gcm'
/** A secret is to be random itself; this makes guessing a worse one dear. */
const scryptCost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }

/** A key for `encrypted`, made of a secret; `salt` says what for. Beside the event loop, because it takes its time. */
export function derivedKey(secret: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(secret, salt, 32, scryptCost, (error, key) => (error ? reject(error) : resolve(key))),
  )
}

/** AES-256-GCM under a key of 32 bytes. What was encrypted about one thing does not open about another. */
export function encrypted(key: Uint8Array, bytes: Uint8Array, about: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const sealing = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(about))
  return Buffer.concat([nonce, sealing.update(bytes), sealing.final(), sealing.getAuthTag()])
}

/** What `encrypted` was given. Throws for another key, another thing, and for what was changed. */
export function decrypted(key: Uint8Array, bytes: Uint8Array, about: string): Buffer {
  const opening = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes))
    .setAAD(Buffer.from(about))
    .setAuthTag(bytes.subarray(-tagBytes))
  const body = opening.update(bytes.subarray(nonceBytes, -tagBytes))
  return Buffer.concat([body, opening.final()])
}
