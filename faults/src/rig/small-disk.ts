import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few megabytes, which can grow. */
export class SmallDisk {
  readonly directory = mkdtempSync(join(tmpdir(), 'tidewire-disk-'))
  /** False where this user may not mount one: then it is a plain directory. */
  readonly mounted: boolean

  constructor(megabytes: number) {
    const type = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs']
    this.mounted = succeeds('mount', ...type, this.directory)
  }

  grow(megabytes: number): void {
    if (succeeds('mount', '-o', `remount,size=${megabytes}m`, this.directory)) return
    throw new Error('The disk does not grow.')
  }

  remove(): void {
    if (this.mounted) succeeds('umount', '-l', this.directory)
    rmSync(this.directory, { recursive: true })
  }
}

function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}
