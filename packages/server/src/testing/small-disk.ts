import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few megabytes, which can be filled. */
export interface SmallDisk {
  /** False where this user may not mount one: then it is a plain directory, which cannot be filled. */
  readonly mounted: boolean
  readonly directory: string
  freeBytes(): number
  /** Another program takes all that is left. */
  fill(): void
  /** … and gives it back. */
  free(): void
  remove(): void
}

export function mountSmallDisk(megabytes: number): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), 'tidewire-disk-'))
  const size = `size=${megabytes}m`
  const mounted = succeeds('mount', '-t', 'tmpfs', '-o', size, 'tmpfs', directory)
  const ballast = join(directory, 'ballast')
  return {
    mounted,
    directory,
    freeBytes: () => statfsSync(directory).bavail * statfsSync(directory).bsize,
    fill() {
      if (!mounted) throw new Error('This is not a disk of its own.')
      fillUp(ballast)
    },
    free: () => rmSync(ballast, { force: true }),
    remove() {
      if (mounted) succeeds('umount', '-l', directory)
      rmSync(directory, { recursive: true })
    },
  }
}

function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}

function fillUp(path: string): void {
  const fd = openSync(path, 'a')
  try {
    for (const bytes of [1024 * 1024, 4096]) {
      try {
        for (;;) writeSync(fd, Buffer.alloc(bytes, 1))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(fd)
  }
}
