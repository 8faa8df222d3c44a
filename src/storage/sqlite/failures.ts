import { unavailable } from '../failures.ts'

/** SQLite's result codes that are about the disk or the file, not about the query; the low byte of an extended code. */
const reasons: Record<number, string> = {
  3: 'its file may not be opened; correct the rights of the folder in DATA_DIR.',
  5: 'another process has been writing to it for too long; wait for it, or stop it.',
  6: 'another process has locked it; wait for it, or stop it.',
  8: 'its file is read-only; correct the rights of the folder in DATA_DIR, or the mount.',
  10: 'the disk failed to read or write; look at the disk that holds DATA_DIR.',
  11: 'its file is damaged; restore a backup (`claude-code-api restore`).',
  13: 'the disk is full; free some space on the disk that holds DATA_DIR.',
  14: 'its file cannot be opened or made; correct the rights and the free space of DATA_DIR.',
  26: 'its file is not an SQLite database; restore a backup (`claude-code-api restore`), or move the file away.',
}

/** `storage_unavailable` for what the disk or the file did; everything else as it is. */
export function sqliteFailure(error: unknown): unknown {
  const code = resultCode(error)
  const reason = code === undefined ? undefined : reasons[code]
  return reason === undefined ? error : unavailable(reason, error)
}

export function isBusy(error: unknown): boolean {
  const code = resultCode(error)
  return code === 5 || code === 6
}

/** The file is broken, or none of SQLite's. */
export function isDamaged(error: unknown): boolean {
  const code = resultCode(error)
  return code === 11 || code === 26
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const { errcode, sqliteCode } = error as { errcode?: unknown; sqliteCode?: unknown }
  const code = errcode ?? sqliteCode
  return typeof code === 'number' ? code & 0xff : undefined
}
