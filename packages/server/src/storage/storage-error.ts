/** The storage cannot be opened. `message` is one sentence for the operator: what is wrong and what to do. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}
