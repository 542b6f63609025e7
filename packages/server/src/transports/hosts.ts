import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { shortAddress } from './addresses.ts'

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(\d{1,5}))?$/i
const MAX_LENGTH = 300

export interface Host {
  /** In lower case, without the dot at its end; IPv6 in its shortest form and in brackets. */
  name: string
  port: string | undefined
}

/** What a `Host` header says; `undefined` when it cannot be one. */
export function parseHost(text: string): Host | undefined {
  const match = text.length > MAX_LENGTH ? null : HOST.exec(text)
  if (match === null) return undefined
  const name = match[1]!.toLowerCase()
  const port = match[2]
  if (!name.startsWith('[')) return { name, port }
  if (isIP(name.slice(1, -1)) !== 6) return undefined
  return { name: new URL(`http://${name}`).host, port }
}

/** The values of a header as they came: one that must not be repeated may have been. */
export function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const raw = rawHeaders[i]!
    if (raw.length === name.length && raw.toLowerCase() === name) values.push(rawHeaders[i + 1]!)
  }
  return values
}

/** Whether the name can only mean this machine. A name in DNS can be made to; an address cannot (DNS rebinding). */
export function isLocal(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || shortAddress(name) !== undefined
}
