import type { Feature } from '../../handlers.ts'
import { ChannelPresence } from './channel-presence.ts'
import { UserStatus } from './user-status.ts'

export interface PresenceOptions {
  /** Milliseconds that a user stays present, and online, after the last client was lost. Default 15,000. */
  graceMs?: number
  /** Users that may be present in a channel. Default 100,000. */
  maxMembers?: number
  /** Milliseconds between two looks at whether those who are told of presence still may be. Default 30,000. */
  revalidateMs?: number
  /** Whether a user may know of another whether it is online and when it was. Default: everybody of everybody. */
  seesStatus?: (viewer: string, user: string) => boolean | Promise<boolean>
}

/** Who is present in a channel, and who is online at all (PROTOCOL.md §5). */
export function presence(options: PresenceOptions = {}): Feature {
  const {
    graceMs = 15_000,
    maxMembers = 100_000,
    revalidateMs = 30_000,
    seesStatus = () => true,
  } = options
  let channels: ChannelPresence | undefined
  let status: UserStatus | undefined
  return {
    name: 'presence',
    async setup(server) {
      channels = new ChannelPresence(server, { graceMs, maxMembers, revalidateMs })
      status = await UserStatus.start(server, { graceMs, seesStatus })
    },
    async close() {
      channels?.close()
      await status?.close()
    },
  }
}
