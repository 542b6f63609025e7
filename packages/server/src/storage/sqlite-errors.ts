/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
export const SQLITE = {
  PERM: 3,
  BUSY: 5,
  READONLY: 8,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const

/** The primary result code of SQLite, or the code of a system error such as `EACCES`. */
export function errorCode(error: unknown): number | string | undefined {
  if (!(error instanceof Error)) return undefined
  const { errcode, code } = error as { errcode?: number; code?: string }
  // The upper bytes of a result code tell more of the same.
  return errcode === undefined ? code : errcode & 0xff
}
