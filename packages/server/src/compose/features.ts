import type { FeatureName } from '../config/resolve.ts'
import { chat } from '../features/chat/index.ts'
import { feed } from '../features/feed/index.ts'
import { type Notifications, notifications } from '../features/notifications/index.ts'
import { presence } from '../features/presence/index.ts'
import { uploads } from '../features/uploads/index.ts'
import type { Feature } from '../handlers.ts'
import { chatNotifier } from './chat-notifier.ts'

const FACTORIES: Readonly<Record<FeatureName, () => Feature>> = {
  presence: () => presence(),
  chat: () => chat(),
  notifications: () => notifications(),
  feed: () => feed(),
  uploads: () => uploads(),
}

/** The features of the configuration, and those that the application made itself, which replace them. */
export function featuresOf(
  named: readonly FeatureName[],
  made: readonly Feature[],
): readonly Feature[] {
  const own = new Set(made.map(({ name }) => name))
  const all = [...named.filter((name) => !own.has(name)).map((name) => FACTORIES[name]()), ...made]
  const inbox = all.find((feature): feature is Notifications => feature.name === 'notifications')
  const hasChat = all.some(({ name }) => name === 'chat')
  return inbox !== undefined && hasChat ? [...all, chatNotifier(inbox)] : all
}
