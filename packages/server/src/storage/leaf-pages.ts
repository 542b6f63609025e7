import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { PAGE_BYTES } from './space.ts'

// The pages that hold rows, as https://sqlite.org/fileformat2.html has them:
//
//   0        8 or 12          … + 2 × cells       start of content             end of the page
//   | header | places of cells |   free space   | cells, and blocks between them that are free |

/** The length of the header by its first byte: which pages are looked at. */
export type PageKinds = Readonly<Record<number, number>>

/** Leaves of tables. Payloads are in these, and in overflow pages, which have no free space. */
export const LEAVES: PageKinds = { 0x0d: 8 }
/**
 * The same with the pages of indices, which hold what they index. Other pages begin with the number of another one: this
 * is for databases below `MAX_INDEXED_PAGES`, where none of them looks like these.
 */
export const LEAVES_AND_INDICES: PageKinds = { 0x0d: 8, 0x0a: 8, 0x02: 12 }
export const MAX_INDEXED_PAGES = 0x0200_0000
const NOTHING = Buffer.alloc(PAGE_BYTES)

/** A write-ahead log begins with a header, and each page in it has one. */
const LOG_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
const FRAMES_AT_ONCE = 256

/**
 * The pages that have remains in their free space, in the version that the write-ahead log has of them. `secure_delete`
 * overwrites what is deleted, but where SQLite moves rows between pages to balance them, it leaves copies behind: when
 * such a row is deleted, so is the row and not the copy.
 */
export function leavesWithRemains(writeAheadLog: string, kinds = LEAVES): Set<number> {
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
        uncommitted.set(
          frame.readUInt32BE(0),
          hasRemains(frame.subarray(FRAME_HEADER_BYTES), kinds),
        )
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

/** Overwrites the free space of a page in the file of the database, which SQLite never reads. */
export function clearFreeSpace(file: number, page: number, kinds = LEAVES): void {
  const bytes = Buffer.allocUnsafe(PAGE_BYTES)
  const at = (page - 1) * PAGE_BYTES
  if (readSync(file, bytes, 0, PAGE_BYTES, at) < PAGE_BYTES) return
  const [from, to] = freeSpaceOf(bytes, kinds)
  if (from < to) writeSync(file, NOTHING, 0, to - from, at + from)
}

function hasRemains(page: Buffer, kinds: PageKinds): boolean {
  const [from, to] = freeSpaceOf(page, kinds)
  return from < to && page.compare(NOTHING, 0, to - from, from, to) !== 0
}

/** From and to, empty in what is no such page. */
function freeSpaceOf(page: Buffer, kinds: PageKinds): [from: number, to: number] {
  const header = kinds[page[0]!]
  if (header === undefined) return [0, 0]
  const from = header + 2 * page.readUInt16BE(3)
  const to = page.readUInt16BE(5)
  return to <= PAGE_BYTES ? [from, to] : [0, 0]
}
