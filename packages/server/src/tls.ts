import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** A certificate chain and its private key, both in PEM. */
export interface KeyPair {
  cert: string
  key: string
}

export interface CertificateOptions {
  certFile: string
  keyFile: string
  /** The files changed and are in use. */
  onReload: (validTo: Date) => void
  /** The files changed and cannot be used; what was read before stays. */
  onError: (error: Error) => void
  /** How often the files are looked at. */
  intervalMs?: number
}

const INTERVAL_MS = 1_000

/** A certificate in two files, which may be replaced while the server runs. */
export class Certificate {
  readonly #options: CertificateOptions
  readonly #timer: NodeJS.Timeout
  readonly #followers = new Set<(pair: KeyPair) => void>()
  #pair: KeyPair
  /** Of the files that were read last. */
  #read: string | undefined
  /** Of the files when they were looked at last. */
  #seen: string | undefined
  #looking = false

  /** Throws when the files cannot be read, or when certificate and key do not belong together. */
  constructor(options: CertificateOptions) {
    this.#options = options
    this.#pair = checked({
      cert: readFileSync(options.certFile, 'utf8'),
      key: readFileSync(options.keyFile, 'utf8'),
    })
    this.#timer = setInterval(() => void this.#look(), options.intervalMs ?? INTERVAL_MS)
    this.#timer.unref()
  }

  get pair(): KeyPair {
    return this.#pair
  }

  /** Calls `fn` with each pair that follows. */
  follow(fn: (pair: KeyPair) => void): void {
    this.#followers.add(fn)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#followers.clear()
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    try {
      const stamp = await this.#stamp()
      // Two files are not replaced at once: only what looks the same twice is read.
      const settled = stamp === this.#seen
      this.#seen = stamp
      if (!settled || stamp === this.#read) return
      this.#read = stamp
      await this.#reload()
    } catch (error) {
      // What was replaced while it was read is read again.
      if ((await this.#stamp()) === this.#read) this.#options.onError(error as Error)
    } finally {
      this.#looking = false
    }
  }

  async #stamp(): Promise<string> {
    const { certFile, keyFile } = this.#options
    return `${await stampOf(certFile)} ${await stampOf(keyFile)}`
  }

  async #reload(): Promise<void> {
    const { certFile, keyFile, onReload } = this.#options
    const pair = checked({
      cert: await readFile(certFile, 'utf8'),
      key: await readFile(keyFile, 'utf8'),
    })
    if (pair.cert === this.#pair.cert && pair.key === this.#pair.key) return
    this.#pair = pair
    for (const follow of this.#followers) follow(pair)
    onReload(new X509Certificate(pair.cert).validToDate)
  }
}

function checked(pair: KeyPair): KeyPair {
  const certificate = new X509Certificate(pair.cert)
  if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) {
    throw new Error('The certificate belongs to another private key.')
  }
  // The rest of the chain.
  createSecureContext(pair)
  return pair
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs}:${size}:${ino}`
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`
  }
}
