/** A JSON value, as PROTOCOL.md §1 lets a payload hold it. */
export type Json = null | boolean | number | string | Json[] | JsonObject

/** `payload` of every envelope: a JSON object. */
export interface JsonObject {
  [key: string]: Json
}

/** PROTOCOL.md §1. Who sets each field is written there. */
export interface Metadata {
  message_id?: string
  correlation_id?: string
  /** ISO 8601, UTC, milliseconds. */
  timestamp?: string
  client_id?: string
  user?: string
  channel?: string
  /** 1, 2, 3 … within an epoch; absent in channels without a log. */
  offset?: number
}

/** The one shape of every frame, in both directions and on every transport (PROTOCOL.md §1). */
export interface Envelope {
  type: string
  payload: JsonObject
  metadata: Metadata
}

/** An envelope that the server completed: what a channel holds and its subscribers receive. */
export interface Publication extends Envelope {
  metadata: Metadata & { message_id: string; timestamp: string; channel: string }
}
