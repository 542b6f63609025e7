import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readVapidPair } from '@tidewire/server'
import { commands } from '../testing/command.ts'

const { directory, run } = commands()

test('a pair of keys is printed, as it stands in a configuration or as JSON', async () => {
  const text = await run(['webpush', 'keys'])
  expect(text.code).toBe(0)
  expect(text.stdout).toMatch(/^public_key: [\w-]{87}\nprivate_key: [\w-]{43}\n$/)
  const json = await run(['webpush', 'keys', '--json'])
  expect(Object.keys(JSON.parse(json.stdout) as object)).toEqual(['public_key', 'private_key'])
})

test('a file gets both keys for its owner alone, and is never written over', async () => {
  const cwd = directory()
  const made = await run(['webpush', 'keys', '--file', 'keys.json'], { cwd })
  const path = join(cwd, 'keys.json')
  const pair = readVapidPair(path)
  expect(made.stdout).toBe(`${pair.public_key}\n`)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const again = await run(['webpush', 'keys', '--file', 'keys.json'], { cwd })
  expect(again.code).toBe(1)
  expect(again.stderr).toContain('is there already')
  expect(readVapidPair(path)).toEqual(pair)
})

test('doctor shows features and their options, and no secret of them', async () => {
  const cwd = directory()
  await run(['webpush', 'keys', '--file', 'keys.json'], { cwd })
  const { public_key, private_key } = JSON.parse(
    readFileSync(join(cwd, 'keys.json'), 'utf8'),
  ) as Record<string, string>
  const file = {
    features: {
      chat: { typing_ms: 200 },
      uploads: {
        store: 's3',
        s3: {
          endpoint: 'https://s3.example.com',
          bucket: 'files',
          access_key_id: 'an-id',
          secret_access_key: 'never-to-be-shown',
        },
      },
      notifications: { web_push: { subject: 'mailto:ops@example.com', key_file: 'keys.json' } },
    },
  }
  writeFileSync(join(cwd, 'tidewire.json'), JSON.stringify(file))
  const doctor = ['doctor', '--port', '0', '--ops-port', 'off']
  const shown = await run(doctor, { cwd })
  expect(shown.stdout).toContain('chat, typing_ms 200')
  expect(shown.stdout).toContain('s3.bucket files')
  expect(shown.stdout).toContain('s3.secret_access_key set')
  expect(shown.stdout).toContain(`public key ${public_key}, mailto:ops@example.com`)
  file.features.notifications.web_push = { subject: 'mailto:ops@example.com', key_file: 'none' }
  writeFileSync(join(cwd, 'tidewire.json'), JSON.stringify(file))
  const failed = await run([...doctor, '--json'], { cwd })
  expect(failed.code).toBe(1)
  expect(failed.stdout).toContain('webpush keys --file none')
  for (const { stdout } of [shown, failed]) {
    expect(stdout).not.toContain(private_key)
    expect(stdout).not.toContain('never-to-be-shown')
  }
})
