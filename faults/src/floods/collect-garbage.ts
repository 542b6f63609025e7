import { WebSocket } from 'ws'
import type { ServerProcess } from '../rig/server-process.ts'

/** The environment of a server that can be told to collect its garbage. */
export const COLLECTABLE = { NODE_OPTIONS: '--inspect=127.0.0.1:0' }

/** Has the runtime of the server collect all of its garbage, so that what its heap holds then is in use. */
export async function collectGarbage({ output }: ServerProcess): Promise<void> {
  const address = /Debugger listening on (ws:\S+)/.exec(output)?.[1]
  if (address === undefined) throw new Error('The server has no inspector.')
  const inspector = new WebSocket(address)
  try {
    await new Promise<void>((resolve, reject) => {
      inspector.on('error', reject)
      inspector.on('close', () => reject(new Error('The inspector hung up.')))
      inspector.on('message', () => resolve())
      inspector.on('open', () => {
        inspector.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }))
      })
    })
  } finally {
    inspector.removeAllListeners('close')
    inspector.terminate()
  }
}
