import { styleText } from 'node:util'

type Format = Parameters<typeof styleText>[0]

/** For people, on stderr: stdout belongs to data. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A line of data, on stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Colours where a terminal shows them, and NO_COLOR does not forbid it. */
export function styled(format: Format, text: string, stream = process.stdout): string {
  return styleText(format, text, { stream })
}

/** Lines of columns, each as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Ends the process in peace when the reader of stdout has gone (`| head`). */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1)
  })
}
