import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { logContract } from '../../contract/log.contract.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { openSqliteLog } from './sqlite.ts'

logContract(
  'sqlite',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidewire-log-'))
    const clock = new FakeClock()
    const open = () => openSqliteLog({ directory, now: () => clock.now() })
    let log = await open()
    return {
      clock,
      get log() {
        return log
      },
      async reopen() {
        await log.close()
        log = await open()
      },
      async stop() {
        await log.close()
        rmSync(directory, { recursive: true })
      },
    }
  },
  { runs: 30 },
)
