/** What a server that was killed has to hold afterwards. */

/** `channel publisher sequence`: the highest number that was acknowledged. */
export interface Acknowledged {
  channel: number
  publisher: number
  sequence: number
}

export function parseLedger(text: string): Acknowledged[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [channel = 0, publisher = 0, sequence = 0] = line.split(' ').map(Number)
      return { channel, publisher, sequence }
    })
}

/** A publication of the history, as far as it is looked at. */
export interface Stored {
  payload: { content: string }
  metadata: { offset: number }
}

export interface ChannelCheck {
  /** Acknowledged publishes that are there. */
  kept: number
  lost: number
  /** A sentence; undefined where order and offsets are as they were promised. */
  disorder?: string
}

/**
 * Numbers of one publisher in one channel are 1, 2, 3 …, so that whatever is there proves all before
 * it, if none is missing. More may be there than was acknowledged: the ack was on its way.
 */
export function checkChannel(
  acknowledged: readonly Acknowledged[],
  stored: readonly Stored[],
): ChannelCheck {
  const highest = new Map<number, number>()
  let disorder: string | undefined
  for (const [index, { payload, metadata }] of stored.entries()) {
    const publisher = Number(payload.content.slice(0, 3))
    const sequence = Number(payload.content.slice(7, 16))
    const expected = (highest.get(publisher) ?? 0) + 1
    if (sequence !== expected) {
      disorder ??= `number ${sequence} of publisher ${publisher} stands where ${expected} should`
    }
    if (metadata.offset !== index + 1) {
      disorder ??= `offset ${metadata.offset} stands where ${index + 1} should`
    }
    highest.set(publisher, sequence)
  }
  let kept = 0
  let lost = 0
  for (const { publisher, sequence } of acknowledged) {
    const there = Math.min(sequence, highest.get(publisher) ?? 0)
    kept += there
    lost += sequence - there
  }
  return { kept, lost, ...(disorder !== undefined && { disorder }) }
}

/** Reads the history of every channel of the ledger by HTTP, and checks it. */
export async function checkAfterKill(
  origin: string,
  token: string,
  ledger: readonly Acknowledged[],
  nameOf: (channel: number) => string,
): Promise<ChannelCheck> {
  const byChannel = new Map<number, Acknowledged[]>()
  for (const entry of ledger) {
    const others = byChannel.get(entry.channel)
    if (others === undefined) byChannel.set(entry.channel, [entry])
    else others.push(entry)
  }
  const checks: ChannelCheck[] = []
  const todo = byChannel.entries()
  const worker = async () => {
    for (const [channel, acknowledged] of todo) {
      const name = nameOf(channel)
      const { disorder, ...check } = checkChannel(acknowledged, await history(origin, token, name))
      checks.push({ ...check, ...(disorder !== undefined && { disorder: `${name}: ${disorder}` }) })
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  const disorder = checks.find((check) => check.disorder !== undefined)?.disorder
  return {
    kept: checks.reduce((sum, check) => sum + check.kept, 0),
    lost: checks.reduce((sum, check) => sum + check.lost, 0),
    ...(disorder !== undefined && { disorder }),
  }
}

async function history(origin: string, token: string, channel: string): Promise<Stored[]> {
  const stored: Stored[] = []
  for (;;) {
    const after = stored.at(-1)?.metadata.offset ?? 0
    const url = `${origin}/v1/channels/${channel}/publications?after=${after}&limit=500`
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    if (!response.ok) throw new Error(`The history was refused: ${await response.text()}`)
    const page = (await response.json()) as { publications: Stored[]; more: boolean }
    stored.push(...page.publications)
    if (!page.more || page.publications.length === 0) return stored
  }
}
