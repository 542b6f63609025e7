import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it('an order that is confirmed reaches the inbox of its customer', async () => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const running = spawn(process.execPath, ['-C', 'tidewire-source', main])
  let text = ''
  for (const stream of [running.stdout, running.stderr]) {
    stream.on('data', (chunk: Buffer) => (text += String(chunk)))
  }
  const [code] = await once(running, 'close')
  expect(text).toContain('order 1042 is confirmed')
  expect(text).toContain('ada is told: Order 1042 is confirmed. We tell you when')
  expect(text).toContain('(1 unread)')
  expect(code).toBe(0)
})
