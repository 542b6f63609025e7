import { Chance } from '../../chance.ts'
import { Recorder } from '../../history/recorder.ts'
import { Answers } from '../answers.ts'
import { ClientPublisher } from '../publishers/client-publisher.ts'
import { ClientReader } from '../readers/client-reader.ts'
import type { FromSleeper, Orders, ToSleeper } from './messages.ts'

const REPORT_MS = 20
const ANSWERS_MS = 10_000

/** An application in a process of its own, which reads and publishes, and tells its parent what it saw. */
function main({ name, transport, seed, ratePerSecond, ...shared }: Orders): void {
  const recorder = new Recorder()
  const answers = new Answers()
  const options = { ...shared, recorder, answers }
  const reader = new ClientReader({ ...options, name, chance: new Chance(seed) }, transport)
  const publisher = new ClientPublisher(
    {
      ...options,
      name: `${name}-publisher`,
      chance: new Chance(seed).fork('publisher'),
      ratePerSecond,
      answerMs: ANSWERS_MS,
    },
    transport,
  )
  const report = (): void => {
    if (recorder.events.length === 0 && answers.undocumented.length === 0) return
    tell({ events: recorder.events.splice(0), undocumented: answers.undocumented.splice(0) })
  }
  setInterval(report, REPORT_MS)
  process.on('message', (message: ToSleeper) => {
    if (message === 'stop-publishing') {
      void publisher.stop(ANSWERS_MS).then(() => {
        report()
        tell('published')
      })
    } else if (message === 'end') {
      void Promise.all([publisher.close(), reader.stop()]).then(() => {
        report()
        process.disconnect()
        process.exit()
      })
    }
  })
  reader.start()
  publisher.start()
}

function tell(message: FromSleeper): void {
  process.send?.(message)
}

process.once('message', (message: ToSleeper) => {
  if (typeof message === 'object') main(message.start)
})
