import type { FeatureName } from '../config/resolve.ts'
import { chat } from '../features/chat/index.ts'
import { feed } from '../features/feed/index.ts'
import { notifications } from '../features/notifications/index.ts'
import { presence } from '../features/presence/index.ts'
import { uploads } from '../features/uploads/index.ts'
import type { Feature } from '../handlers.ts'

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
  return [...named.filter((name) => !own.has(name)).map((name) => FACTORIES[name]()), ...made]
}
