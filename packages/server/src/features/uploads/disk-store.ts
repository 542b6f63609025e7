import { constants } from 'node:fs'
import { lstat, mkdir, open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { ProtocolError } from '@tidewire/protocol'
import type { BlobStore, ByteRange } from './blob-store.ts'
import { ignoreMissing, toProtocolError } from './receive.ts'

/** Files below a directory of this machine: `<directory>/ab/ab12…`. */
export class DiskStore implements BlobStore {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async keep(id: string, path: string): Promise<void> {
    const shard = this.#shard(id)
    try {
      await makePrivate(shard)
      await rename(path, join(shard, id))
      await syncDirectory(shard)
    } catch (error) {
      throw toProtocolError(error)
    }
  }

  async read(id: string, { start, end }: ByteRange): Promise<ReadableStream<Uint8Array>> {
    const path = join(this.#shard(id), id)
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW
    const file = await open(path, flags).catch((cause: unknown) => {
      throw new ProtocolError('not_found', 'The file is gone.', { cause })
    })
    return Readable.toWeb(file.createReadStream({ start, end })) as ReadableStream<Uint8Array>
  }

  async remove(id: string): Promise<void> {
    await unlink(join(this.#shard(id), id)).catch(ignoreMissing)
  }

  #shard(id: string): string {
    return join(this.#directory, id.slice(0, 2))
  }
}

/** Makes a directory for the owner alone. Rejects where a link stands in its place. */
export async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  if (!(await lstat(directory)).isDirectory()) {
    throw new Error(`${directory} is not a directory of its own: move it away.`)
  }
}

/** Makes a rename last. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
