/** A picture of one pixel. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** One of each type that is taken by default: type, name, bytes. */
export const FILES: readonly [type: string, name: string, bytes: Buffer][] = [
  ['image/png', 'a.png', PNG],
  ['image/jpeg', 'a.JPG', latin1('\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\xff\xd9')],
  [
    'image/gif',
    'a.gif',
    Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
  ],
  ['image/webp', 'a.webp', latin1('RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00')],
  ['application/pdf', 'a.pdf', latin1('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n')],
  ['application/zip', 'a.docx', latin1('PK\x03\x04\x14\x00\x00\x00')],
  ['text/plain', 'a.md', Buffer.from('# Grüße\n\tfrom <b>here</b>\r\n')],
]
