/** A piece of a message. The text is shown as text, whatever it says; only these pieces become elements. */
export type Part =
  | { kind: 'text'; text: string }
  | { kind: 'link'; text: string; href: string }
  | { kind: 'code'; text: string }
  | { kind: 'block'; text: string }
  | { kind: 'mention'; text: string; user: string }

const PARTS = /```\n?([^]+?)\n?```\n?|`([^`\n]+)`|((?:https?:\/\/|mailto:)[^\s<>"]+)/gi
const SAFE_SCHEMES = new Set(['http:', 'https:', 'mailto:'])

/** `mentions`: the users whose `@id` in the content means them. */
export function partsOf(content: string, mentions: readonly string[] = []): Part[] {
  const parts = markedUp(content)
  if (mentions.length === 0) return parts
  return parts.flatMap((part) => (part.kind === 'text' ? mentioned(part.text, mentions) : [part]))
}

function markedUp(content: string): Part[] {
  const parts: Part[] = []
  let end = 0
  const text = (until: number): void => {
    if (until > end) parts.push({ kind: 'text', text: content.slice(end, until) })
  }
  for (const match of content.matchAll(PARTS)) {
    const [whole, block, code, address] = match
    const part = partOf(block, code, address)
    if (!part) continue
    text(match.index)
    parts.push(part)
    end = match.index + (part.kind === 'link' ? part.text.length : whole.length)
  }
  text(content.length)
  return parts
}

function partOf(block?: string, code?: string, address?: string): Part | undefined {
  if (block !== undefined) return { kind: 'block', text: block }
  if (code !== undefined) return { kind: 'code', text: code }
  const text = withoutTail(address ?? '')
  return URL.canParse(text) && SAFE_SCHEMES.has(new URL(text).protocol)
    ? { kind: 'link', text, href: text }
    : undefined
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)

function mentioned(text: string, mentions: readonly string[]): Part[] {
  // The longest first: `@ada-lovelace` is not `@ada`.
  const users = mentions.toSorted((a, b) => b.length - a.length).map(escaped)
  const pattern = new RegExp(`(?<![A-Za-z0-9_.@-])@(${users.join('|')})(?![A-Za-z0-9_])`, 'g')
  const parts: Part[] = []
  let end = 0
  for (const { 0: whole, 1: user = '', index } of text.matchAll(pattern)) {
    if (index > end) parts.push({ kind: 'text', text: text.slice(end, index) })
    parts.push({ kind: 'mention', text: whole, user })
    end = index + whole.length
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) })
  return parts
}

/** `(see https://example.com/a_(b).)` links `https://example.com/a_(b)`: the rest belongs to the sentence. */
function withoutTail(address: string): string {
  const trimmed = address.replace(/[.,;:!?'*]+$/, '')
  const opened = trimmed.split('(').length
  const closed = trimmed.split(')').length
  return trimmed.endsWith(')') && closed > opened ? withoutTail(trimmed.slice(0, -1)) : trimmed
}

const EMOJI =
  /^(?:\s|\p{Regional_Indicator}{2}|[0-9#*]\uFE0F?\u20E3|\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?)*)+$/u
const MAX_EMOJI_LENGTH = 40

/** Whether a message is nothing but a few emoji, which are shown larger. */
export function isEmojiOnly(content: string): boolean {
  return content.length <= MAX_EMOJI_LENGTH && EMOJI.test(content)
}
