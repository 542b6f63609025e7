import type { JsonObject, Position, Publication } from '@tidewire/protocol'
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
 * Order:      per channel, offsets in the order of the calls, without holes. Replacements keep their place among them.
 * Atomicity:  what is asked for in one turn, or while a commit is under way, is one commit. An append that is refused
 *             (conflict) does not touch the others of its commit.
 * Durability: `append` and `replace` resolve after the commit lasts, power loss included, where the disk keeps its word: it must not
 *             answer a sync before the bytes are safe. Where it lied, the end of a channel may be missing after a
 *             power loss. As far as that can be seen it is a new epoch, so clients are told instead of misled.
 * Epoch:      one for all channels. It outlives restarts and kill -9, and changes when the storage is not the one that
 *             was closed last: an older copy, a copy in another place, an emptied one. Offsets go on where the storage
 *             ends, and what it holds is read under the new epoch. A volume that is rolled back in place looks as it
 *             did, and nobody can tell: whoever does that must say so.
 * Identity:   a `message_id` seen in the channel within five minutes, also before a restart, is answered with its
 *             first offset and `duplicate: true`; with another type or payload it rejects with `conflict`. Of a
 *             publication that was replaced nothing is left to compare with: whatever repeats it is a duplicate.
 * Erasure:    a payload that was replaced, or that a trim deleted, is gone from all files a few seconds later, while the
 *             log is open: from rows, from free space and from what was written ahead. A crash in between leaves it to
 *             the next start. What the disk keeps below its files, and copies that others made, is out of reach.
 * Failure:    rejects with `ProtocolError`: `storage_full` (surely not written), `unavailable` (unknown). `storage_full`
 *             stays until there is clearly room again; reads, trims and the answers to repeated ids go on meanwhile, and
 *             so do replacements by what is no larger, as long as the disk lets them.
 */
export interface Log {
  /** Takes over the draft and does not keep it; `metadata.offset` is not set by the log. */
  append(draft: Publication): Promise<Appended>
  read(channel: string, range: Range): Promise<Page>
  /** As `Broker.replace`. Does not keep the payload. */
  replace(channel: string, position: Position, payload: JsonObject): Promise<boolean>
  /** Deletes what `retention` no longer keeps in the channels of the namespace; resolves with how many. */
  trim(namespace: string, retention: Retention, now: number): Promise<number>
  /** Resolves when every append and replacement that was accepted was answered and the files are closed. */
  close(): Promise<void>
}
