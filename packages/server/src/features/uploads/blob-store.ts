/** Bytes of a file, both ends included. */
export interface ByteRange {
  start: number
  end: number
}

/**
 * Where the bytes of files lie, by their ids.
 *
 * Lasting: what `keep` resolved for is there after a restart. Failure: rejects with `ProtocolError`: `storage_full`,
 * `unavailable`, and `not_found` for what is not there.
 */
export interface BlobStore {
  /** Takes over the file at `path`, whose bytes are on the disk; it may leave it there. */
  keep(id: string, path: string, type: string): Promise<void>
  read(id: string, range: ByteRange): Promise<ReadableStream<Uint8Array>>
  /** Idempotent. */
  remove(id: string): Promise<void>
}
