import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'

const KEY_BYTES = 32
/** Links that are asked for within this time are the same one, so that a browser finds what it has already. */
const STEP_MS = 60_000

/** As the address gives it: nothing of it is checked. */
interface Link {
  id: string
  user: string
  sig: string
  exp: string
}

/**
 * Addresses of files for a few minutes, for `<img>`, which shows no token. Each names the user it was made for: who reads
 * there may read what that user may.
 */
export class Links {
  readonly #key: Buffer
  readonly #ttlMs: number

  constructor(key: Buffer, ttlMs: number) {
    this.#key = key
    this.#ttlMs = ttlMs
  }

  /** `exp` is in seconds since 1970. */
  sign(id: string, user: string, now: number): { sig: string; exp: number } {
    const exp = Math.ceil((now + this.#ttlMs) / STEP_MS) * (STEP_MS / 1000)
    return { exp, sig: this.#digest({ id, user }, exp).toString('base64url') }
  }

  verify({ sig, exp, ...file }: Link, now: number): boolean {
    if (!/^\d{1,12}$/.test(exp)) return false
    const given = Buffer.from(sig, 'base64url')
    const wanted = this.#digest(file, Number(exp))
    return (
      given.length === wanted.length && timingSafeEqual(given, wanted) && Number(exp) * 1000 > now
    )
  }

  #digest({ id, user }: Pick<Link, 'id' | 'user'>, exp: number): Buffer {
    return createHmac('sha256', this.#key).update(`${id}\n${user}\n${exp}`).digest()
  }
}

/** The key in the file at `path`, which is made when it is not there. */
export async function readKey(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      const key = randomBytes(KEY_BYTES)
      await file.writeFile(key)
      await file.sync()
      return key
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const key = await readFile(path)
  if (key.length === KEY_BYTES) return key
  throw new Error(`${path} holds no key: delete it, and links that were given out end.`)
}
