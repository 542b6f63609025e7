import type { Publication } from '@tidewire/protocol'

/** Of the texts. As objects they take a few times as much. */
const MAX_BYTES = 8 * 2 ** 20
/** Of an entry beside its text. */
const ENTRY_BYTES = 250

/** A publication, and the same as JSON. */
export interface Read {
  publication: Publication
  text: string
}

/**
 * Publications that were read lately, by log and offset: those who come back at once ask for the same. All are forgotten
 * when they become too many.
 */
export class ReadCache {
  #byLog = new Map<object, Map<number, Read>>()
  #bytes = 0

  get(log: object, offset: number): Read | undefined {
    return this.#byLog.get(log)?.get(offset)
  }

  /** `bytes`: those of its text. */
  add(log: object, offset: number, read: Read, bytes: number): void {
    this.#bytes += bytes + ENTRY_BYTES
    if (this.#bytes > MAX_BYTES) {
      this.#byLog = new Map()
      this.#bytes = bytes + ENTRY_BYTES
    }
    let ofLog = this.#byLog.get(log)
    if (ofLog === undefined) this.#byLog.set(log, (ofLog = new Map()))
    ofLog.set(offset, read)
  }

  forget(log: object, offset: number): void {
    this.#byLog.get(log)?.delete(offset)
  }

  forgetLog(log: object): void {
    this.#byLog.delete(log)
    if (this.#byLog.size === 0) this.#bytes = 0
  }
}
