import type { ServerProcess } from '../rig/server-process.ts'
import { pause } from '../rig/until.ts'
import { collectGarbage } from './collect-garbage.ts'

const LOOK_MS = 250
/** What is still open when a flood is over is closed soon. */
const SETTLE_MS = 10_000

/** Looks at the memory of a server while something happens to it. */
export class Memory {
  /** Bytes of the heap before, without garbage. */
  readonly heap: number
  /** Bytes of the process before. */
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
    const heap = await heapOf(server)
    return new Memory(server, heap, await residentOf(server))
  }

  /** Ends the watch when the heap is no more than `allowed` bytes larger than it was, or does not become so. */
  async settle(allowed: number): Promise<{ heap: number; peak: number }> {
    clearInterval(this.#looking)
    const deadline = performance.now() + SETTLE_MS
    let heap = await heapOf(this.#server)
    while (heap > this.heap + allowed && performance.now() < deadline) {
      await pause(LOOK_MS)
      heap = await heapOf(this.#server)
    }
    return { heap, peak: this.#peak }
  }

  async #look(): Promise<void> {
    this.#peak = Math.max(this.#peak, await residentOf(this.#server))
  }
}

/** Bytes of objects in use, and of what they hold outside of the heap. */
async function heapOf(server: ServerProcess): Promise<number> {
  await collectGarbage(server)
  const heap = await server.metric('nodejs_heap_size_used_bytes')
  return heap + (await server.metric('nodejs_external_memory_bytes'))
}

function residentOf(server: ServerProcess): Promise<number> {
  return server.metric('process_resident_memory_bytes')
}
