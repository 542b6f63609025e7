import webPush from 'web-push'
import type { Database } from '../tables.ts'
import type { VapidKeys } from './web-push.ts'

const NAME = 'vapid'

/**
 * The keys that the store keeps, made when it has none: subscriptions of browsers are bound to them, so they must never
 * change.
 */
export async function keptKeys(database: Database): Promise<VapidKeys> {
  await database
    .insertInto('notifications_settings')
    .values({ name: NAME, value: JSON.stringify(webPush.generateVAPIDKeys()) })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const { value } = await database
    .selectFrom('notifications_settings')
    .select('value')
    .where('name', '=', NAME)
    .executeTakeFirstOrThrow()
  return JSON.parse(value) as VapidKeys
}
