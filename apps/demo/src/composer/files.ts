import type { Attachment } from '@tidewire/react'

/** A file that the next message will carry. */
export interface FileItem {
  readonly key: number
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** From 0 to 1. */
  readonly progress: number
  readonly state: 'uploading' | 'done' | 'failed'
  /** Why it failed. */
  readonly reason: string | undefined
}

/** What is attached to the message that is being written. */
export interface Files {
  readonly items: readonly FileItem[]
  /** Some of them are not there yet. */
  readonly isBusy: boolean
  /** All will be there if nothing else happens. */
  readonly areComing: boolean
  readonly add: (files: Iterable<File>) => void
  /** Takes one away; one that is on its way is stopped. */
  readonly remove: (key: number) => void
  readonly retry: (key: number) => void
  /** The files that are there; from now on they are the message's. */
  readonly take: () => Attachment[]
}
