import type { Publication } from '@tidewire/protocol'
import type { Page, Range } from './broker.ts'

export interface Appended {
  epoch: string
  offset: number
  duplicate: boolean
}

/** How much of a channel's log is kept; both bounds hold. Absent = without bound. */
export interface Retention {
  max_entries?: number
  max_age_ms?: number
}

/**
 * The ordered histories of all channels of a node's data directory.
 *
 * Order:      per channel, offsets in the order of the calls, without holes.
 * Atomicity:  appends asked for in one turn, or while a commit is under way, are one commit. An append that is refused
 *             (conflict) does not touch the others of its commit.
 * Durability: `append` resolves after the commit lasts, power loss included, where the disk keeps its word: it must not
 *             answer a sync before the bytes are safe. Where it lied, the end of a channel may be missing after a
 *             power loss. As far as that can be seen it is a new epoch, so clients are told instead of misled.
 * Epoch:      one for all channels. It outlives restarts and kill -9, and changes when the storage is not the one that
 *             was closed last: an older copy, a copy in another place, an emptied one. Offsets go on where the storage
 *             ends, and what it holds is read under the new epoch. A volume that is rolled back in place looks as it
 *             did, and nobody can tell: whoever does that must say so.
 * Identity:   a `message_id` seen in the channel within five minutes, also before a restart, is answered with its
 *             first offset and `duplicate: true`; with another type or payload it rejects with `conflict`.
 * Failure:    rejects with `ProtocolError`: `storage_full` (surely not written), `unavailable` (unknown). `storage_full`
 *             stays until there is clearly room again; reads, trims and the answers to repeated ids go on meanwhile.
 */
export interface Log {
  /** Takes over the draft and does not keep it; `metadata.offset` is not set by the log. */
  append(draft: Publication): Promise<Appended>
  read(channel: string, range: Range): Promise<Page>
  /** Deletes what `retention` no longer keeps in the channels of the namespace; resolves with how many. */
  trim(namespace: string, retention: Retention, now: number): Promise<number>
  /** Resolves when every accepted append was answered and the files are closed. */
  close(): Promise<void>
}
