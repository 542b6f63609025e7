import type { ChatMessage } from '@tidewire/react'

/** What can be done with a message. The same object while the room is open. */
export interface MessageActions {
  retry: (id: string) => void
  discard: (id: string) => void
  reply: (message: ChatMessage) => void
  edit: (message: ChatMessage) => void
  /** Asks first. */
  remove: (message: ChatMessage) => void
  /** Adds a reaction, or takes back one's own. */
  toggle: (message: ChatMessage, emoji: string) => void
  /** Offers reactions beside `anchor`. */
  pick: (message: ChatMessage, anchor: HTMLElement) => void
  /** Shows a message that another one answers. */
  jump: (id: string) => void
  /** Opens the thread that the message of this id belongs to; undefined in a thread. */
  openThread: ((id: string) => void) | undefined
}
