import type { Failure } from './sqlite-messages.ts'

/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
export const SQLITE = {
  PERM: 3,
  BUSY: 5,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  CONSTRAINT: 19,
  NOTADB: 26,
} as const

/** Extended result codes, where the primary one says too little. */
const IOERR_WRITE = SQLITE.IOERR | (3 << 8)
const IOERR_FSYNC = SQLITE.IOERR | (4 << 8)
const IOERR_DIR_FSYNC = SQLITE.IOERR | (5 << 8)

/** The primary result code of SQLite, or the code of a system error such as `EACCES`. */
export function errorCode(error: unknown): number | string | undefined {
  if (!(error instanceof Error)) return undefined
  const { errcode, code } = error as { errcode?: number; code?: string }
  // The upper bytes of a result code tell more of the same.
  return errcode === undefined ? code : errcode & 0xff
}

/**
 * The disk takes no more, be it full, over a quota or unwilling (EIO). What was being written was surely not: a commit
 * counts only once its last frame is whole.
 */
export function isRefusedWrite(error: unknown): boolean {
  const code = errorCode(error)
  return (
    code === SQLITE.FULL ||
    code === 'ENOSPC' ||
    code === 'EDQUOT' ||
    extendedCode(error) === IOERR_WRITE
  )
}

/**
 * The disk took the writes and then could not say that they last. Whether they do is unknown, and stays so: the system
 * may have dropped them and answer the next fsync with success. Only a new start reads what is really there.
 */
export function isFailedSync(error: unknown): boolean {
  const code = extendedCode(error)
  return code === IOERR_FSYNC || code === IOERR_DIR_FSYNC
}

/** What the thread that asked is told. */
export function toFailure(error: unknown): Failure {
  return {
    reason: isRefusedWrite(error) ? 'storage_full' : 'unavailable',
    detail: error instanceof Error ? error.message : String(error),
  }
}

function extendedCode(error: unknown): number | undefined {
  return error instanceof Error ? (error as { errcode?: number }).errcode : undefined
}
