/** Preloaded into servers on Node: SIGWINCH begins a CPU profile of the main thread, the next one writes it down. */
import { renameSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { isMainThread } from 'node:worker_threads'

/** Microseconds. What costs a percent is seen a hundred times in a second. */
const INTERVAL = 100

const path = process.env['BENCH_PROFILE']
if (isMainThread && path !== undefined) {
  let running: Session | undefined
  process.on('SIGWINCH', () => {
    const session = running ?? new Session()
    if (running === undefined) {
      running = session
      session.connect()
      session.post('Profiler.enable')
      session.post('Profiler.setSamplingInterval', { interval: INTERVAL })
      session.post('Profiler.start')
      return
    }
    running = undefined
    session.post('Profiler.stop', (error, result) => {
      if (error !== null) throw error
      writeFileSync(`${path}.part`, JSON.stringify(result.profile))
      renameSync(`${path}.part`, path) // whoever waits for the file finds all of it
      session.disconnect()
    })
  })
}
