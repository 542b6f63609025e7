import { extname } from 'node:path'

/** What a browser may show where it stands, because nothing in it can run. */
export const SAFE_IMAGES: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
])

/** Types that a server takes when it is told no others. */
export const DEFAULT_TYPES: readonly string[] = [
  ...SAFE_IMAGES,
  'application/pdf',
  'application/zip',
  'text/plain',
]

/** Bytes of the beginning that `typeOf` wants to see. */
export const HEAD_BYTES = 4096

const at = (offset: number, text: string) => (head: Buffer) =>
  head.subarray(offset, offset + text.length).equals(Buffer.from(text, 'latin1'))
const all =
  (...tests: ((head: Buffer) => boolean)[]) =>
  (head: Buffer) =>
    tests.every((test) => test(head))

/** https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern, and what follows there. */
const SIGNATURES: readonly [type: string, matches: (head: Buffer) => boolean][] = [
  ['image/png', all(at(0, '\x89PNG\r\n\x1a\n'), at(12, 'IHDR'))],
  ['image/jpeg', at(0, '\xff\xd8\xff')],
  ['image/gif', at(0, 'GIF87a')],
  ['image/gif', at(0, 'GIF89a')],
  ['image/webp', all(at(0, 'RIFF'), at(8, 'WEBPVP8'))],
  ['application/pdf', at(0, '%PDF-')],
  ['application/zip', at(0, 'PK\x03\x04')],
  ['application/zip', at(0, 'PK\x05\x06')],
  ['application/gzip', at(0, '\x1f\x8b\x08')],
  ['video/mp4', at(4, 'ftyp')],
  ['video/webm', at(0, '\x1a\x45\xdf\xa3')],
  ['audio/mpeg', at(0, 'ID3')],
]

const MARKUP =
  /^[\s\ufeff]*<(?:!doctype html|!--|\/?(?:html|head|body|script|style|iframe|title|meta|link|img|a|div|p|br|table|h[1-6]|b|font|form|object|embed)[\s/>])/i
const SVG = /^[\s\ufeff]*(?:<\?xml|<!doctype svg|<!--[^]*?-->\s*<svg|<svg)[^]*?(?:<svg|>)/i
const XML = /^[\s\ufeff]*<\?xml/i
/** Where a picture has its first colours, a page has these. */
const PAGE_INSIDE = /<(?:script|html|!doctype|svg|iframe|body)/i

/**
 * What the bytes are, whatever anyone says of them. `head` is the beginning; `isText`: all of it is UTF-8 without control
 * characters. `application/octet-stream` for what is none of those known here.
 */
export function typeOf(head: Buffer, isText: boolean): string {
  const signed = SIGNATURES.find(([, matches]) => matches(head))?.[0]
  if (signed !== undefined) {
    const disguised = SAFE_IMAGES.has(signed) && PAGE_INSIDE.test(head.toString('latin1', 0, 1024))
    return disguised ? 'text/html' : signed
  }
  if (!isText) return 'application/octet-stream'
  const text = head.toString('utf8')
  if (/<svg/i.test(text) && SVG.test(text)) return 'image/svg+xml'
  if (MARKUP.test(text)) return 'text/html'
  return XML.test(text) ? 'text/xml' : 'text/plain'
}

/** Files whose ending, or declared type, promises what their bytes must keep. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.pdf': 'application/pdf',
}
const PROMISES = /^(?:image|video|audio)\/|^application\/pdf$/
const OTHER_NAMES: Readonly<Record<string, string>> = { 'image/jpg': 'image/jpeg' }

/** The type that a file says it is and that its bytes are not; undefined when it says nothing that is not so. */
export function brokenPromise(
  type: string,
  name: string,
  contentType: string | null,
): string | undefined {
  const declared = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  const promised = [OTHER_NAMES[declared] ?? declared, BY_EXTENSION[extname(name).toLowerCase()]]
  return promised.find((claim) => claim !== undefined && PROMISES.test(claim) && claim !== type)
}
