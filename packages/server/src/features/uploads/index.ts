import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Feature } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import type { BlobStore } from './blob-store.ts'
import { DiskStore, makePrivate } from './disk-store.ts'
import { Links, readKey } from './links.ts'
import { ignoreMissing } from './receive.ts'
import { MIGRATIONS, Records, type UploadTables } from './records.ts'
import { UploadRoutes } from './routes.ts'
import { type S3Options, S3Store } from './s3-store.ts'
import { DEFAULT_TYPES } from './sniff.ts'

export type { S3Options } from './s3-store.ts'

export interface UploadsOptions {
  /** Bytes of one file. Default 10 MiB. */
  maxBytes?: number
  /** What one user may keep. Default 1 GiB in 10,000 files. */
  quota?: { bytes?: number; files?: number }
  /**
   * Types that are taken. Default: PNG, JPEG, GIF, WebP, PDF, ZIP and plain text. Known beside them: `application/gzip`,
   * `video/mp4`, `video/webm`, `audio/mpeg`, `text/html`, `text/xml`, `image/svg+xml`, `application/octet-stream`.
   */
  types?: readonly string[]
  /** How long a link for `<img>` holds, in milliseconds. Default 5 minutes. */
  linkTtlMs?: number
  /** Files go there instead of to the data directory. */
  s3?: S3Options
}

const MIB = 2 ** 20
const DEFAULTS = {
  maxBytes: 10 * MIB,
  quota: { bytes: 1024 * MIB, files: 10_000 },
  linkTtlMs: 5 * 60_000,
}

/** Files: `POST /v1/uploads`, and below `/v1/uploads/{id}` what becomes of them. */
export function uploads(options: UploadsOptions = {}): Feature {
  const { s3, types = DEFAULT_TYPES, quota, ...numbers } = options
  let clean: (server: Server) => Promise<void> = async () => undefined
  return {
    name: 'uploads',
    async setup(server) {
      const database = await server.tables<UploadTables>('uploads', MIGRATIONS)
      const records = new Records(database, { ...DEFAULTS.quota, ...quota })
      const directory = join(server.data, 'uploads')
      const temporary = join(directory, 'tmp')
      await makePrivate(directory)
      await makePrivate(temporary)
      const { maxBytes, linkTtlMs } = { ...DEFAULTS, ...numbers }
      const links = new Links(await readKey(join(directory, 'key')), linkTtlMs)
      const store = s3 === undefined ? new DiskStore(directory) : new S3Store(s3)
      const limits = { maxBytes, types: new Set(types) }
      new UploadRoutes({ server, records, store, links, temporary, limits }).add()
      server.provide('releaseFiles', (ids, owner) =>
        release({ server, records, store }, ids, owner ?? ''),
      )
      clean = () => cleanUp(server, records, store, temporary)
    },
    start: (server) => clean(server),
  }
}

/** Nobody finds them from now on. Their bytes go soon, and where the store does not answer, at the next start. */
async function release(
  { server, records, store }: { server: Server; records: Records; store: BlobStore },
  ids: readonly string[],
  user: string,
): Promise<void> {
  const released = await records.release(ids, user)
  const remove = async (id: string): Promise<void> => {
    await store.remove(id)
    await records.forget(id)
  }
  for (const id of released) {
    remove(id).catch((error: unknown) => server.failed('uploads', error))
  }
}

/** Takes away what an earlier life left half done. What cannot be removed now is tried again at the next start. */
async function cleanUp(
  server: Server,
  records: Records,
  store: BlobStore,
  temporary: string,
): Promise<void> {
  for (const name of await readdir(temporary))
    await unlink(join(temporary, name)).catch(ignoreMissing)
  const unfinished = await records.unfinished()
  const remove = async (): Promise<void> => {
    for (const id of unfinished) {
      await store.remove(id)
      await records.forget(id)
    }
  }
  // A store that is far away keeps nobody waiting.
  remove().catch((error: unknown) => server.failed('uploads', error))
}
