import { ProtocolError } from '../src/errors.ts'

/** What `run` returned, or the ProtocolError that it threw. Any other error is thrown on. */
export function outcome<T>(run: () => T): T | ProtocolError {
  try {
    return run()
  } catch (error) {
    if (error instanceof ProtocolError) return error
    throw error
  }
}

/** `reason: message` of the ProtocolError that `run` throws, or `accepted`. */
export function refusal(run: () => unknown): string {
  const result = outcome(run)
  return result instanceof ProtocolError ? `${result.reason}: ${result.message}` : 'accepted'
}
