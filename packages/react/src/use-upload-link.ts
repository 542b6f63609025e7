import type { Tidewire } from '@tidewire/client'
import { uploadLink } from '@tidewire/client/uploads'
import { useEffect, useState } from 'react'
import { useStores } from './provider.tsx'

/** Links that are remembered. */
const MAX_LINKS = 500
/** A link that ends this soon is asked for anew. */
const MARGIN_MS = 30_000

/**
 * An address for `<img>` and `<a>` that shows an upload, and that stays fresh; undefined until it is known, and for a file
 * that this user may not read.
 */
export function useUploadLink(id: string | undefined): string | undefined {
  const stores = useStores()
  const links = stores.ofFeature('uploads', () => new Links(stores.client))
  const [link, setLink] = useState<{ id: string; url: string }>()
  useEffect(() => {
    if (id === undefined) return undefined
    return links.follow(id, (url) => setLink({ id, url }))
  }, [id, links])
  return link?.id === id ? link?.url : undefined
}

interface Link {
  url: string
  expiresAt: string
}

/** The links of one client, each asked for once. */
class Links {
  readonly #client: Tidewire
  readonly #links = new Map<string, Promise<Link>>()

  constructor(client: Tidewire) {
    this.#client = client
  }

  /** Tells the address now and whenever it changes, until the result is called. */
  follow(id: string, tell: (url: string) => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOver = false
    const ask = (): void => {
      this.#get(id).then(
        ({ url, expiresAt }) => {
          if (isOver) return
          tell(url)
          const ms = Math.max(1_000, Date.parse(expiresAt) - Date.now() - MARGIN_MS)
          timer = setTimeout(() => {
            this.#links.delete(id)
            ask()
          }, ms)
        },
        () => {
          // There is nothing to show; who looks again asks again.
          this.#links.delete(id)
        },
      )
    }
    ask()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }

  async #get(id: string): Promise<Link> {
    const known = this.#links.get(id)
    if (known === undefined) return this.#ask(id)
    const link = await known
    if (Date.parse(link.expiresAt) - Date.now() > MARGIN_MS) return link
    // Somebody else may have asked meanwhile.
    if (this.#links.get(id) === known) this.#links.delete(id)
    return this.#links.get(id) ?? this.#ask(id)
  }

  #ask(id: string): Promise<Link> {
    const [oldest] = this.#links.keys()
    if (this.#links.size >= MAX_LINKS && oldest !== undefined) this.#links.delete(oldest)
    const asked = uploadLink(this.#client, id)
    this.#links.set(id, asked)
    return asked
  }
}
