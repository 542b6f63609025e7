import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface GeneratorEvents {
  /** The warm-up is over. */
  begin(): void
  /** The measured window is over; the generator still waits for what is under way. */
  end(): void
}

/**
 * Runs a generator once and resolves with its `result` line. Rejects when it could not start; what
 * it found wrong stands in the result. `flags` become `--name value`.
 */
export async function runProgram(
  command: readonly string[],
  flags: Record<string, string | number | undefined>,
  events: GeneratorEvents,
): Promise<Record<string, unknown>> {
  const [program = '', ...prefix] = command
  const args = Object.entries(flags).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
  const child = spawn(program, [...prefix, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const exited = new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve())
  })
  let result: Record<string, unknown> | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Record<string, unknown>
    if (event['event'] === 'begin') events.begin()
    if (event['event'] === 'end') events.end()
    if (event['event'] === 'result') result = event
  }
  await exited
  if (result === undefined) {
    throw new Error(`The load generator could not start: ${errors.trim() || 'it said nothing'}`)
  }
  return result
}
