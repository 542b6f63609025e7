import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}

/** Serves the files of a directory: built files are named by their content and may be kept for ever, the page may not. */
export function siteHandler(directory: string): (request: Request) => Response | Promise<Response> {
  const site = new Hono()
  site.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
    const kept = context.req.path.startsWith('/assets/') && context.res.ok
    context.header('Cache-Control', kept ? 'public, max-age=31536000, immutable' : 'no-cache')
  })
  site.use(serveStatic({ root: directory }))
  return (request) => site.fetch(request)
}
