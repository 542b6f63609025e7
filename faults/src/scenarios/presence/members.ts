export interface Member {
  user: string
  /** What `Attendee` says of itself. */
  data: { word?: string }
  clients: number
}

interface Page {
  members: Member[]
  count: number
  more: boolean
}

const LIMIT = 1000

/** Who is present, as the server tells it over HTTP. Throws for an answer that is an error, or does not add up. */
export async function membersOf(url: string, token: string, channel: string): Promise<Member[]> {
  const members: Member[] = []
  for (;;) {
    const after = members.at(-1)?.user
    const query = new URLSearchParams({ limit: String(LIMIT), ...(after && { after }) })
    const path = `/v1/channels/${encodeURIComponent(channel)}/presence?${query}`
    const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    if (!response.ok) throw new Error(`${path} was answered ${response.status}.`)
    const page = (await response.json()) as Page
    members.push(...page.members)
    if (!page.more) return members
  }
}
