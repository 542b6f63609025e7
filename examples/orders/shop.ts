import { createServer, notifications, type Server } from '@tidewire/server'

/** The options of a server, for those who run the shop somewhere else. */
type Options = Parameters<typeof createServer>[0]

/**
 * A shop whose parts tell each other what happened: the checkout publishes `order.confirmed`, and whoever needs to know
 * listens. Here the customer is told, live, in the inbox, and by push while no page is open.
 */
export function createShop(options: Options = {}): Server {
  const inbox = notifications()
  const server = createServer({ dev: true, features: [inbox], ...options })

  // What happens in the shop is for its own parts: no client publishes or reads it.
  server.namespace('orders', { publish: 'server', subscribe: 'server', durability: 'durable' })

  server.subscribe('orders:*', async ({ type, payload, metadata }) => {
    if (type !== 'order.confirmed') return
    const { order, customer } = payload as { order: string; customer: string }
    await inbox.send(customer, {
      // The event may be heard again after a failure; its notification comes once.
      id: `order-confirmed-${metadata.message_id}`,
      kind: 'order.confirmed',
      title: `Order ${order} is confirmed`,
      body: 'We tell you when it is on its way.',
      data: { order },
    })
  })
  return server
}

/** What the checkout does when the payment has come in. */
export async function confirmOrder(shop: Server, order: string, customer: string): Promise<void> {
  await shop.publish(`orders:${order}`, { type: 'order.confirmed', payload: { order, customer } })
}
