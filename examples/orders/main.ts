import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Tidewire } from '@tidewire/client'
import { notifications } from '@tidewire/client/notifications'
import { WebSocket } from 'ws'
import { confirmOrder, createShop } from './shop.ts'

const data = mkdtempSync(join(tmpdir(), 'tidewire-orders-'))
const shop = createShop({ data, port: 0, ops: { port: null } })
const { url } = await shop.listen()

// The customer's page. Under dev anyone gets a token; a real shop issues it when the customer signs in.
const response = await fetch(`${url}/v1/dev/token`, {
  method: 'POST',
  body: JSON.stringify({ user: 'ada' }),
})
const { token } = (await response.json()) as { token: string }
const client = new Tidewire({ url, token, WebSocket })
const inbox = notifications(client)
await new Promise<void>((resolve) => {
  inbox.onChange(({ loading }) => loading || resolve())
})
const told = new Promise<void>((resolve) => {
  inbox.onNotification(({ title, body }) => {
    console.log(`ada is told: ${title}. ${body ?? ''} (${inbox.unread} unread)`)
    resolve()
  })
})

// The checkout, which knows nothing of pages and inboxes.
await confirmOrder(shop, '1042', 'ada')
console.log('order 1042 is confirmed')

await told
inbox.close()
await client.close()
await shop.close()
rmSync(data, { recursive: true })
