import type { Position } from '@tidewire/protocol'

/** What every event says. */
interface At {
  /** Microseconds of CLOCK_MONOTONIC, which all processes of a machine share. */
  t: number
}

interface Of extends At {
  /** Who saw it: one publisher or one reader, over all its connections. */
  client: string
}

interface OnChannel extends Of {
  channel: string
}

/** A publish leaves: also each repetition, which has the same `key` and `value`. */
export interface PublishInvoked extends OnChannel {
  type: 'pub.invoke'
  /** `message_id`. */
  key: string
  /** What it says. No two publications of a history say the same. */
  value: string
}

/** `ack`. */
export interface PublishAcked extends OnChannel {
  type: 'pub.ok'
  key: string
  value: string
  epoch: string
  offset: number
  duplicate: boolean
}

/** An `error` that means that this attempt was surely not written. */
export interface PublishRefused extends OnChannel {
  type: 'pub.fail'
  key: string
  value: string
  /** Of PROTOCOL.md §7. */
  code: number
}

/** No answer, or an error that leaves it open: it may be there once, or not at all. */
export interface PublishUnanswered extends OnChannel {
  type: 'pub.info'
  key: string
  value: string
  /** Of PROTOCOL.md §7, when there was an answer. */
  code?: number
}

/** A stream is asked for: `subscribe`, an SSE request, a poll. */
export interface SubscribeInvoked extends OnChannel {
  type: 'sub.invoke'
  since?: Position
}

/** The marker `subscribed`: the stream goes on after `offset`. */
export interface Subscribed extends OnChannel {
  type: 'sub.ok'
  epoch: string
  offset: number
  recovered: boolean
  reason?: string
}

/** The marker `reset`: the stream goes on after `offset`, and what lay between was not delivered. */
export interface Reset extends OnChannel {
  type: 'reset'
  epoch: string
  offset: number
  reason: string
}

export interface Received extends OnChannel {
  type: 'recv'
  epoch: string
  offset: number
  key: string
  value: string
}

/** The connection that carried the stream is gone; the reader comes back with its position. */
export interface Disconnected extends OnChannel {
  type: 'disc'
}

/** The reader does not want the stream any more. Later it may ask for a new one. */
export interface Left extends OnChannel {
  type: 'left'
}

/** The whole log of a channel, as `history` gives it. The last one of a channel is authoritative. */
export interface HistoryRead extends OnChannel {
  type: 'hist'
  epoch: string
  oldest: number
  newest: number
  items: [offset: number, value: string][]
}

/** From now on the client may, or may not, receive the channel. Without any it may. */
export interface AccessChanged extends OnChannel {
  type: 'acl'
  allowed: boolean
}

/** What was done to the system. For people who read a history. */
export interface FaultInjected extends Of {
  type: 'fault'
  what: string
}

export type StreamEvent = SubscribeInvoked | Subscribed | Reset | Received | Disconnected | Left

export type PublishEvent = PublishInvoked | PublishAcked | PublishRefused | PublishUnanswered

export type HistoryEvent = PublishEvent | StreamEvent | HistoryRead | AccessChanged | FaultInjected

type WithoutTime<Event> = Event extends HistoryEvent ? Omit<Event, 't'> : never

/** An event as it is recorded: the recorder adds the time. */
export type NewEvent = WithoutTime<HistoryEvent>
