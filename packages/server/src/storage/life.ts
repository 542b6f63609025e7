import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { type Generation, GenerationFile } from './generation.ts'
import { lastRow } from './rows.ts'

/** The time from one opening of a database to its closing. */
export interface Life {
  /** One for all channels of the database. */
  epoch: string
  file: GenerationFile
  /** Why the epoch is another one than the database had; `undefined` when it is not, or the database is new. */
  fenced: string | undefined
}

/** What the database says of itself. */
interface Stored {
  epoch: string
  generation: number
  /** As `identityOf`. */
  file: string
}

/**
 * Begins a life of the database: with its epoch, or with a new one where it cannot be shown that this is the very
 * database that was closed last. An older copy that went on under its epoch would give offsets a second time, and a
 * client that stands at 500 would never learn that the log had been at 400 in between.
 *
 * Three witnesses, all of which must agree:
 * - `generation` beside the database names its epoch and its count of starts. A start writes the database first and the
 *   file second. After kill -9 between the two the file is one start behind: that is accepted, and the next start
 *   writes the file again without counting, so it never falls back by two. Only a database that is older than the file
 *   makes the file run ahead. (A new epoch that did not get as far as the file was never given to anybody.)
 * - The file also notes how many publications the database took, after each commit and before anybody is told: an
 *   older copy of the same start has fewer, and so has a database whose disk lost what it said it had written.
 * - The database holds the inode and the birth time of its file. A copy of the whole directory has others. The
 *   device does not count: its number changes with the order in which disks are found.
 *
 * What none of them sees: a snapshot of the volume that is put back in place, or a copy that is written into the
 * existing files, `generation` included. That is what `fence` is for.
 *
 * A new epoch leaves the publications where they are. They are what the older life said up to the copy, under their own
 * offsets, and the new life goes on behind them: as history they are right, and no position of the lost part is ever
 * accepted again, because it names the old epoch.
 */
export function beginLife(db: DatabaseSync, path: string, directory: string): Life {
  const stored = read(db)
  const beside = GenerationFile.read(directory)
  const rows = lastRow(db)
  const file = identityOf(path)
  const fenced = stored && whyFenced(stored, beside, rows, file)
  const goesOn = stored !== undefined && fenced === undefined
  const epoch = goesOn ? stored.epoch : randomUUID()
  const interrupted = goesOn && beside !== undefined && beside.generation < stored.generation
  const generation = (stored?.generation ?? 0) + (interrupted ? 0 : 1)
  write(db, { epoch, generation, file })
  return { epoch, fenced, file: GenerationFile.write(directory, { epoch, generation, rows }) }
}

function whyFenced(
  stored: Stored,
  beside: Generation | undefined,
  rows: number,
  file: string,
): string | undefined {
  if (beside === undefined) return 'its file `generation` is missing or cannot be read'
  if (beside.epoch !== stored.epoch) return 'its file `generation` belongs to another database'
  if (beside.generation > stored.generation) return 'it is older than its last start'
  if (beside.generation < stored.generation - 1) return 'its file `generation` is older'
  if (beside.rows > rows) return `it lacks ${beside.rows - rows} publications that it once had`
  if (!isSameFile(stored.file, file)) return 'its file is a copy'
  return undefined
}

/** `<inode> <birth time in ns>`; a birth time of 0 is unknown. */
function identityOf(path: string): string {
  const { ino, birthtimeNs, ctimeNs } = statSync(path, { bigint: true })
  // Where the file system has no birth time, some systems give the time of the last change instead.
  return `${ino} ${birthtimeNs === ctimeNs ? 0n : birthtimeNs}`
}

/** Either number tells: inodes are used again, and clones may keep the birth time. */
export function isSameFile(a: string, b: string): boolean {
  const [inode, born] = a.split(' ')
  const [otherInode, otherBorn] = b.split(' ')
  return inode === otherInode && (born === otherBorn || born === '0' || otherBorn === '0')
}

function read(db: DatabaseSync): Stored | undefined {
  const rows = db.prepare('SELECT key, value FROM meta').all()
  const values = new Map(rows.map(({ key, value }) => [key, String(value)]))
  const epoch = values.get('epoch')
  if (epoch === undefined) return undefined
  return {
    epoch,
    generation: Number(values.get('generation') ?? 0),
    file: values.get('file') ?? '',
  }
}

/** Where this throws, the database is closed, and nothing was written. */
function write(db: DatabaseSync, stored: Stored): void {
  const set = db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)')
  db.exec('BEGIN IMMEDIATE')
  for (const [key, value] of Object.entries(stored)) set.run(key, String(value))
  db.exec('COMMIT')
}
