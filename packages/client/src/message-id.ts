import { uuidv7 } from '@tidewire/protocol'

// The one state of a module here: ids made in this program ascend, whichever client they are for.
const next = /* @__PURE__ */ uuidv7(
  () => Date.now(),
  (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
)

/** A new message id: UUIDv7. The ids of one program ascend. */
export function newMessageId(): string {
  return next()
}
