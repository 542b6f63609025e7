import { ProtocolError } from '@tidewire/protocol'
import type { BlobStore } from './blob-store.ts'
import { contentDisposition } from './names.ts'
import { rangeOf } from './ranges.ts'
import type { UploadRow } from './records.ts'
import { SAFE_IMAGES } from './sniff.ts'

const MINUTES_5 = 300

/** The answer that carries a file. Nothing in it can run, whatever it is and wherever it is opened. */
export async function download(
  request: Request,
  { id, name, type, size }: UploadRow,
  store: BlobStore,
): Promise<Response> {
  const etag = `"${id}"`
  const headers = new Headers({
    'Accept-Ranges': 'bytes',
    'Cache-Control': `private, max-age=${MINUTES_5}`,
    'Content-Disposition': contentDisposition(
      SAFE_IMAGES.has(type) ? 'inline' : 'attachment',
      name,
    ),
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Content-Type': type === 'text/plain' ? 'text/plain; charset=utf-8' : type,
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    ETag: etag,
  })
  const asked = request.headers
  if (asked.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
  const fresh = (asked.get('if-range') ?? etag) === etag
  const range = fresh ? rangeOf(asked.get('range'), size) : undefined
  if (range === 'unsatisfiable') return unsatisfiable(size)
  const { start, end } = range ?? { start: 0, end: size - 1 }
  headers.set('Content-Length', String(end - start + 1))
  if (range !== undefined) headers.set('Content-Range', `bytes ${start}-${end}/${size}`)
  const body = request.method === 'HEAD' ? null : await store.read(id, { start, end })
  return new Response(body, { status: range === undefined ? 200 : 206, headers })
}

function unsatisfiable(size: number): Response {
  const message = `The file has ${size} bytes: the range begins behind them.`
  const error = new ProtocolError('bad_envelope', message)
  const headers = { 'Content-Range': `bytes */${size}`, 'Cache-Control': 'no-store' }
  return Response.json(error.toPayload(), { status: 416, headers })
}
