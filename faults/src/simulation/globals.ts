import type { Simulator } from './simulator.ts'

/**
 * Puts virtual time and seeded chance in the place of this program's own, for code that asks the platform for them. They
 * are those of the node whose event is happening. Returns what puts the real ones back.
 */
export function virtualGlobals(simulator: Simulator): () => void {
  const after = (fn: () => void, ms = 0): Timer => new Timer(simulator, fn, ms, false)
  const every = (fn: () => void, ms = 0): Timer => new Timer(simulator, fn, ms, true)
  const clear = (timer: unknown): void => {
    if (timer instanceof Timer) timer.cancel()
  }
  // How much is drawn depends on what the seed before left over, so nothing else draws from it.
  const chance = simulator.chance.fork('globals')
  const getRandomValues = (bytes: Uint8Array): Uint8Array => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = chance.between(0, 255)
    return bytes
  }
  const restores = [
    replace(globalThis, 'setTimeout', after),
    replace(globalThis, 'setInterval', every),
    replace(globalThis, 'clearTimeout', clear),
    replace(globalThis, 'clearInterval', clear),
    replace(Date, 'now', () => simulator.current.now()),
    replace(performance, 'now', () => simulator.now),
    replace(Math, 'random', () => simulator.current.chance.next()),
    replace(crypto, 'getRandomValues', getRandomValues),
  ]
  return () => {
    for (const restore of restores) restore()
  }
}

class Timer {
  #cancel: () => void

  constructor(simulator: Simulator, fn: () => void, ms: number, repeat: boolean) {
    const node = simulator.current
    const fire = (): void => {
      if (repeat) this.#cancel = node.after(ms, fire)
      fn()
    }
    this.#cancel = node.after(ms, fire)
  }

  cancel(): void {
    this.#cancel()
  }
}

function replace<Owner extends object>(
  owner: Owner,
  name: keyof Owner & string,
  value: unknown,
): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name)
  Object.defineProperty(owner, name, { value, configurable: true, writable: true })
  return () => {
    if (before === undefined) Reflect.deleteProperty(owner, name)
    else Object.defineProperty(owner, name, before)
  }
}
