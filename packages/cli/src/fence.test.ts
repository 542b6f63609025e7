import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commands } from '../testing/command.ts'

const { directory, run, serve } = commands()

/** The epoch of a channel, as a server over `data` gives it. */
async function epochOf(data: string): Promise<string> {
  const { command, url } = await serve(data)
  const { stdout: token } = await run(['token', 'ada', '--data', data])
  const headers = { authorization: `Bearer ${token.trim()}` }
  const response = await fetch(`${url}/v1/channels/chat:a/publications`, { headers })
  const { epoch } = (await response.json()) as { epoch: string }
  await command.kill()
  return epoch
}

test('fence begins a new epoch, which kill -9 does not', async () => {
  const data = join(directory(), 'data')
  const epoch = await epochOf(data)
  expect(await epochOf(data)).toBe(epoch)
  const { code, stderr } = await run(['fence', '--data', data])
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: `The next start with ${data} begins a new epoch: every client is told to start over.\n`,
  })
  expect(await epochOf(data)).not.toBe(epoch)
})

test('fence says that there is nothing to fence', async () => {
  const data = directory()
  writeFileSync(join(data, 'other'), '')
  const { code, stderr } = await run(['fence', '--data', data])
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `There is no database in ${data}, so there is nothing to fence.\n`,
  })
})

test('serve exits with 1 and one sentence when the thread of its log dies', async () => {
  const kill = `process.on('worker', (log) => process.on('SIGUSR2', () => log.terminate()))`
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(kill)}` }
  const { command } = await serve(join(directory(), 'data'), '0', { env })
  expect(await command.kill('SIGUSR2')).toBe(1)
  expect(command.stderr).toBe(
    'The log stopped working (its thread ended): start the server again.\n',
  )
})
