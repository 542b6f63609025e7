import { Command } from 'commander'
import { addDoctor } from './commands/doctor.ts'
import { addFence } from './commands/fence.ts'
import { addKey } from './commands/key.ts'
import { addPublish } from './commands/publish.ts'
import { addServe } from './commands/serve.ts'
import { addSubscribe } from './commands/subscribe.ts'
import { addToken } from './commands/token.ts'
import { addWebPush } from './commands/webpush.ts'
import { toFailure } from './errors.ts'
import { print, say } from './output.ts'
import { version } from './version.ts'

const program = new Command('tidewire')
  .description('Real-time channels that never lose a message without saying so.')
  .version(version())
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride()
addServe(program)
addToken(program)
addKey(program)
addPublish(program)
addSubscribe(program)
addDoctor(program)
addFence(program)
addWebPush(program)
program
  .command('version')
  .description('print the version')
  .action(() => print(version()))

try {
  await program.parseAsync()
} catch (error) {
  const { exitCode, message } = toFailure(error)
  if (message !== undefined) say(message)
  // Whatever the command had started ends with it.
  process.exit(exitCode)
}
