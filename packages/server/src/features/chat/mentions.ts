/** Of one message; what is mentioned beyond is not. */
export const MAX_MENTIONS = 50

const MENTION = /(?<![A-Za-z0-9_.@-])@([A-Za-z0-9_.@-]{1,128})(?![A-Za-z0-9_.@-])/g
/** What ends a sentence may end an id as well. */
const PUNCTUATION = /[.@-]+$/

/**
 * Who is named as `@user` in a text: for each place the ids that may be meant, the longest first. Whether there is such a
 * user is not known here.
 */
export function mentioned(content: string): string[][] {
  const found: string[][] = []
  for (const [, id = ''] of content.matchAll(MENTION)) {
    const bare = id.replace(PUNCTUATION, '')
    found.push(bare === '' ? [] : bare === id ? [id] : [id, bare])
  }
  return found.filter((ids) => ids.length > 0)
}

/** The users that are meant. `isThere` tells who counts; without it every id does, without what may end a sentence. */
export async function mentionsIn(
  content: string,
  isThere?: (user: string) => boolean | Promise<boolean>,
): Promise<string[]> {
  const mentions = new Set<string>()
  const known = new Map<string, boolean>()
  for (const ids of mentioned(content)) {
    // Whoever names so many is not waited for.
    if (mentions.size >= MAX_MENTIONS || known.size >= 2 * MAX_MENTIONS) break
    if (isThere === undefined) {
      mentions.add(ids.at(-1)!)
      continue
    }
    for (const id of ids) {
      if (!known.has(id)) known.set(id, await isThere(id))
      if (!known.get(id)) continue
      mentions.add(id)
      break
    }
  }
  return [...mentions]
}
