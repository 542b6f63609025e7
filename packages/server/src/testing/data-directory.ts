import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The files of the database itself. */
const DATABASE = ['tidewire.db', 'tidewire.db-wal']

/** Copies the database of a running server, as a backup does that knows nothing of its other files. */
export function copyOf(directory: string): { putBack: () => void } {
  const files = DATABASE.map((name) => {
    const path = join(directory, name)
    return { path, bytes: existsSync(path) ? readFileSync(path) : undefined }
  })
  return {
    /** Over the files of a server that is gone: they stay the same files, with the older content. */
    putBack() {
      for (const { path, bytes } of files) {
        if (bytes === undefined) rmSync(path, { force: true })
        else writeFileSync(path, bytes)
      }
    },
  }
}
