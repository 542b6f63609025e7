/** The channels that a node joined: by name, or all of a namespace by `namespace:*`. */
export class Joined {
  readonly #channels = new Set<string>()
  readonly #namespaces = new Set<string>()

  add(name: string): void {
    if (name.endsWith(':*')) this.#namespaces.add(name.slice(0, -2))
    else this.#channels.add(name)
  }

  delete(name: string): void {
    if (name.endsWith(':*')) this.#namespaces.delete(name.slice(0, -2))
    else this.#channels.delete(name)
  }

  has(channel: string): boolean {
    if (this.#channels.has(channel)) return true
    return this.#namespaces.size > 0 && this.#namespaces.has(channel.slice(0, channel.indexOf(':')))
  }

  clear(): void {
    this.#channels.clear()
    this.#namespaces.clear()
  }
}
