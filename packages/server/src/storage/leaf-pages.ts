import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { PAGE_BYTES } from './space.ts'

// The pages that hold rows, as https://sqlite.org/fileformat2.html has them:
//
//   0        8                8 + 2 × cells       start of content             end of the page
//   | header | places of cells |   free space   | cells, and blocks between them that are free |

/** The first byte of a leaf of a table. Payloads are in these, and in overflow pages, which have no free space. */
const LEAF = 0x0d
const HEADER_BYTES = 8
const NOTHING = Buffer.alloc(PAGE_BYTES)

/** A write-ahead log begins with a header, and each page in it has one. */
const LOG_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
const FRAMES_AT_ONCE = 256

/**
 * The leaves that have remains in their free space, in the version that the write-ahead log has of them. `secure_delete`
 * overwrites what is deleted, but where SQLite moves rows between pages to balance them, it leaves copies behind: when
 * such a row is deleted, so is the row and not the copy.
 */
export function leavesWithRemains(writeAheadLog: string): Set<number> {
  const found = new Set<number>()
  const file = openSync(writeAheadLog, 'r')
  try {
    const header = Buffer.alloc(LOG_HEADER_BYTES)
    if (readSync(file, header, 0, LOG_HEADER_BYTES, 0) < LOG_HEADER_BYTES) return found
    // Frames of an earlier round of the file have other salts.
    const salts = header.subarray(16, 24)
    const frames = Buffer.allocUnsafe(FRAMES_AT_ONCE * FRAME_BYTES)
    const uncommitted = new Map<number, boolean>()
    for (let at = LOG_HEADER_BYTES; ; at += frames.length) {
      const bytes = readSync(file, frames, 0, frames.length, at)
      for (let i = 0; i + FRAME_BYTES <= bytes; i += FRAME_BYTES) {
        const frame = frames.subarray(i, i + FRAME_BYTES)
        if (!frame.subarray(8, 16).equals(salts)) return found
        uncommitted.set(frame.readUInt32BE(0), hasRemains(frame.subarray(FRAME_HEADER_BYTES)))
        if (frame.readUInt32BE(4) === 0) continue
        for (const [page, remains] of uncommitted) {
          if (remains) found.add(page)
          else found.delete(page)
        }
        uncommitted.clear()
      }
      if (bytes < frames.length) return found
    }
  } finally {
    closeSync(file)
  }
}

/** Overwrites the free space of a leaf in the file of the database, which SQLite never reads. */
export function clearFreeSpace(file: number, page: number): void {
  const bytes = Buffer.allocUnsafe(PAGE_BYTES)
  const at = (page - 1) * PAGE_BYTES
  if (readSync(file, bytes, 0, PAGE_BYTES, at) < PAGE_BYTES) return
  const [from, to] = freeSpaceOf(bytes)
  if (from < to) writeSync(file, NOTHING, 0, to - from, at + from)
}

function hasRemains(page: Buffer): boolean {
  const [from, to] = freeSpaceOf(page)
  return from < to && page.compare(NOTHING, 0, to - from, from, to) !== 0
}

/** From and to, empty in what is not the leaf of a table. */
function freeSpaceOf(page: Buffer): [from: number, to: number] {
  if (page[0] !== LEAF) return [0, 0]
  const from = HEADER_BYTES + 2 * page.readUInt16BE(3)
  const to = page.readUInt16BE(5)
  return to <= PAGE_BYTES ? [from, to] : [0, 0]
}
