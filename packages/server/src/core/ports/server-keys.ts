/** What the server keeps of a key: enough to know it, not enough to use it. */
export interface ServerKey {
  id: string
  /** SHA-256 of the whole key, hex. */
  sha256: string
}

/** The keys that count now. Answers at once: keys that are made or revoked elsewhere arrive within 2 s. */
export interface ServerKeys {
  find(id: string): ServerKey | undefined
}
