/**
 * The version of the wire: the `1` of `tidewire.v1.json`. It rises when a peer of the version before would misread a
 * frame; an optional field or a new type does not raise it.
 *
 * 1: the first.
 */
export const PROTOCOL_VERSION = 1

/** The oldest version that this server still serves. */
export const OLDEST_SERVED = 1
