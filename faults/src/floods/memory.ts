import type { ServerProcess } from '../rig/server-process.ts'
import { pause } from '../rig/until.ts'
import type { Bystander } from './bystander.ts'

const LOOK_MS = 250
const BASE_LOOKS = 8
/** The runtime collects what is old when it finds the time. */
const SETTLE_MS = 45_000

/** Looks at the memory of a server while something happens to it. */
export class Memory {
  /** Bytes, before. The least of a few looks: what is collected soon is not kept. */
  readonly heap: number
  readonly process: number
  readonly #server: ServerProcess
  readonly #looking: NodeJS.Timeout
  #peak: number

  private constructor(server: ServerProcess, heap: number, process: number) {
    this.#server = server
    this.heap = heap
    this.process = process
    this.#peak = process
    // A server that does not answer is the bystander's to notice.
    const look = (): void => void this.#look().catch(() => undefined)
    this.#looking = setInterval(look, LOOK_MS)
  }

  static async watch(server: ServerProcess): Promise<Memory> {
    let heap = Infinity
    for (let i = 0; i < BASE_LOOKS; i++) {
      heap = Math.min(heap, await heapOf(server))
      await pause(LOOK_MS / 2)
    }
    return new Memory(server, heap, await server.metric('process_resident_memory_bytes'))
  }

  /**
   * Ends the watch when the heap is no more than `allowed` larger than it was, or does not become so. The bystander goes
   * on meanwhile: a server at rest does not collect.
   */
  async settle(
    allowed: number,
    bystander: Bystander,
  ): Promise<{ after: number; peak: number }> {
    let after = Infinity
    const settled = async (): Promise<void> => {
      const deadline = performance.now() + SETTLE_MS
      while (after > this.heap + allowed && performance.now() < deadline) {
        await pause(LOOK_MS)
        after = Math.min(after, await heapOf(this.#server))
      }
    }
    await bystander.experience(settled())
    clearInterval(this.#looking)
    return { after, peak: this.#peak }
  }

  async #look(): Promise<void> {
    this.#peak = Math.max(this.#peak, await this.#server.metric('process_resident_memory_bytes'))
  }
}

/** Bytes of objects and of what they hold outside of the heap. */
async function heapOf(server: ServerProcess): Promise<number> {
  const heap = await server.metric('nodejs_heap_size_used_bytes')
  return heap + (await server.metric('nodejs_external_memory_bytes'))
}
