/** A mention that is being written: what stands behind its `@`, which is at `from`. */
export interface Started {
  readonly from: number
  readonly prefix: string
}

const STARTED = /(?<![A-Za-z0-9_.@-])@([A-Za-z0-9_.-]{0,40})$/
const MOST = 6

/** The mention that the caret stands at the end of. */
export function mentionAt(text: string, caret: number): Started | undefined {
  const match = STARTED.exec(text.slice(0, caret))
  return match ? { from: match.index, prefix: match[1] ?? '' } : undefined
}

/** Whom a prefix may mean: names that begin with it, then those of which a part does. */
export function matching(people: readonly string[], prefix: string): string[] {
  const wanted = prefix.toLowerCase()
  const begins = people.filter((user) => user.toLowerCase().startsWith(wanted))
  const parts = people.filter((user) =>
    user
      .toLowerCase()
      .split(/[-_.]/)
      .slice(1)
      .some((part) => part.startsWith(wanted)),
  )
  return [...new Set([...begins, ...parts])].slice(0, MOST)
}

/** The text with the mention written out, and where the caret stands then. */
export function completed(
  text: string,
  caret: number,
  { from }: Started,
  user: string,
): { text: string; caret: number } {
  const after = text.slice(caret)
  const inserted = `@${user}${after.startsWith(' ') ? '' : ' '}`
  return {
    text: text.slice(0, from) + inserted + after,
    caret: from + inserted.length + (after.startsWith(' ') ? 1 : 0),
  }
}
