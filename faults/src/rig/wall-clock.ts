import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { provideFaketime } from '../../../scripts/provide-programs.ts'

/** The wall clock that a process sees, which can be stepped. Its monotonic clock goes on as it is. */
export class WallClock {
  /** The environment that a process of this clock is started with. */
  readonly env: Record<string, string>
  readonly #directory = mkdtempSync(join(tmpdir(), 'tidewire-clock-'))
  readonly #path = join(this.#directory, 'offset')

  /** `library`: of faketime, as LD_PRELOAD takes it. */
  private constructor(library: string) {
    this.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#path,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    }
    this.set(0)
  }

  /** Rejects where faketime is missing and cannot be installed. */
  static async make(): Promise<WallClock> {
    const faketime = await provideFaketime()
    const args = ['-m', '-f', '+0', 'sh', '-c', 'printf %s "$LD_PRELOAD"']
    return new WallClock(execFileSync(faketime, args, { encoding: 'utf8' }))
  }

  /** From now on the clock is `seconds` ahead of that of the machine, or behind it. */
  set(seconds: number): void {
    // The process reads it at every look at the clock: it must never see half of it.
    writeFileSync(`${this.#path}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`)
    renameSync(`${this.#path}.new`, this.#path)
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
