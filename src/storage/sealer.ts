import { decrypted, derivedKey, encrypted } from '../lib/encryption.ts'
import type { Connection } from './database.ts'
import { StorageRefusal, unavailable } from './failures.ts'

/**
 * Encrypts content before it is stored. `about` names the row that a text is for, so that a text moved to another row does not open: of a
 * table and its id.
 */
export interface Sealer {
  seal(text: string, about: string): string
  /** Throws `storage_unavailable` for what was sealed with another key, or was changed. */
  open(stored: string, about: string): string
  /** As `seal`, for bytes, which are not marked: the first byte says whether they are sealed. */
  sealBytes(bytes: Uint8Array, about: string): Uint8Array
  /** As `open`, for what `sealBytes` gave. */
  openBytes(stored: Uint8Array, about: string): Uint8Array
}

const sealedMark = 'sealed1:'
const plainMark = 'plain1:'
const plainByte = 0
const sealedByte = 1

/** With a `DATA_KEY`: AES-256-GCM. Without: texts are stored as they are. Either opens what was stored without a key. */
export async function createSealer(dataKey: string | undefined): Promise<Sealer> {
  if (dataKey === undefined) return plainSealer
  const key = await derivedKey(dataKey, 'claude-code-api DATA_KEY')
  return {
    seal: (text, about) =>
      sealedMark + encrypted(key, Buffer.from(text, 'utf8'), about).toString('base64'),
    open: (stored, about) =>
      stored.startsWith(sealedMark)
        ? opened(key, Buffer.from(stored.slice(sealedMark.length), 'base64'), about).toString()
        : openPlain(stored),
    sealBytes: (bytes, about) =>
      Buffer.concat([Buffer.of(sealedByte), encrypted(key, bytes, about)]),
    openBytes: (stored, about) =>
      stored[0] === sealedByte ? opened(key, stored.subarray(1), about) : stored.subarray(1),
  }
}

function opened(key: Buffer, bytes: Uint8Array, about: string): Buffer {
  try {
    return decrypted(key, bytes, about)
  } catch (cause) {
    throw unavailable('its content was encrypted with another DATA_KEY, or was changed.', cause)
  }
}

const plainSealer: Sealer = {
  // A text that looks sealed must not be taken for one.
  seal: (text) =>
    text.startsWith(sealedMark) || text.startsWith(plainMark) ? plainMark + text : text,
  open(stored) {
    if (stored.startsWith(sealedMark))
      throw unavailable('its content is encrypted; set the DATA_KEY that it was encrypted with.')
    return openPlain(stored)
  },
  sealBytes: (bytes) => Buffer.concat([Buffer.of(plainByte), bytes]),
  openBytes(stored) {
    if (stored[0] === sealedByte)
      throw unavailable('its content is encrypted; set the DATA_KEY that it was encrypted with.')
    return stored.subarray(1)
  },
}

function openPlain(stored: string): string {
  return stored.startsWith(plainMark) ? stored.slice(plainMark.length) : stored
}

const checkName = 'data_key_check'
const checkText = 'This opens with the right key.'

/**
 * Holds a database to one key: the first that is used with it. Throws a `StorageRefusal` for another one, and when there is none any more. What
 * was stored before the first key stays as it is.
 */
export async function expectKey(
  connection: Connection,
  sealer: Sealer,
  hasKey: boolean,
): Promise<void> {
  const stored = await connection.read((queries) =>
    queries.selectFrom('meta').select('value').where('name', '=', checkName).executeTakeFirst(),
  )
  if (stored) expectOpens(sealer, stored.value, hasKey)
  else if (hasKey) {
    await connection.write(async (queries) => {
      await queries
        .insertInto('meta')
        .values({ name: checkName, value: sealer.seal(checkText, checkName) })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .execute()
    })
    // Of two nodes with different keys that start at once, one was first.
    await expectKey(connection, sealer, hasKey)
  }
}

function expectOpens(sealer: Sealer, stored: string, hasKey: boolean): void {
  try {
    sealer.open(stored, checkName)
  } catch {
    throw new StorageRefusal(
      hasKey
        ? 'The stored content was encrypted with another DATA_KEY. Set the one that was used before, or start with an empty DATA_DIR or database.'
        : 'The stored content is encrypted. Set the DATA_KEY that it was encrypted with, or start with an empty DATA_DIR or database.',
    )
  }
}
