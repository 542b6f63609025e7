// Which pages may connect, as the documentation tells it, case by case.

/** What the server is told. */
export const ORIGINS = [
  'https://app.ex.com',
  'https://app.ex.com:8443',
  'https://*.wild.ex.com',
  'http://localhost:3000',
  'https://xn--bcher-kva.ex.com',
  'app://desktop',
]
export const HOSTS = ['live.ex.com', '127.0.0.1', '[::1]']

export interface Page {
  what: string
  /** The header, or several of it; `undefined` when there is none. */
  origin: string | readonly string[] | undefined
  /** Whether it may connect; a list when only to itself: the `Host` headers that are it. */
  may: boolean | readonly string[]
}

export interface Place {
  what: string
  /** The header, or several of it; `undefined` when there is none. */
  host: string | readonly string[] | undefined
  headers?: Readonly<Record<string, string>>
  /** Whether it is this server; `malformed` when nobody can tell. */
  is: 'ours' | 'foreign' | 'malformed'
}

const page = (what: string, origin: Page['origin'], may: Page['may']): Page => ({
  what,
  origin,
  may,
})

export const PAGES: readonly Page[] = [
  page('no page at all', undefined, true),
  page('a page of the list', 'https://app.ex.com', true),
  page('a page of the list with a port', 'https://app.ex.com:8443', true),
  page('a page one label below the wildcard', 'https://a.wild.ex.com', true),
  page('a page two labels below the wildcard', 'https://b.a.wild.ex.com', true),
  page('a page of a development server', 'http://localhost:3000', true),
  page('a page of a punycode name', 'https://xn--bcher-kva.ex.com', true),
  page('a page of a scheme of its own', 'app://desktop', true),
  page('a page of this server', 'http://live.ex.com', [
    'live.ex.com',
    'LIVE.ex.com',
    'live.ex.com.',
  ]),
  page('a page of this server behind TLS', 'https://live.ex.com', [
    'live.ex.com',
    'LIVE.ex.com',
    'live.ex.com.',
  ]),
  page('a page of this server on its port', 'http://live.ex.com:8080', ['live.ex.com:8080']),

  page('an opaque origin', 'null', false),
  page('an empty origin', '', false),
  page('a star', '*', false),
  page('another scheme', 'http://app.ex.com', false),
  page('another port', 'https://app.ex.com:8444', false),
  page('the port of the scheme, which no browser writes', 'https://app.ex.com:443', false),
  page('a name behind the name', 'https://app.ex.com.evil.example', false),
  page('a name before the name', 'https://evil-app.ex.com', false),
  page('a longer ending', 'https://app.ex.community', false),
  page('the name as user', 'https://app.ex.com@evil.example', false),
  page('the name as path', 'https://evil.example/https://app.ex.com', false),
  page('the name as query', 'https://evil.example?https://app.ex.com', false),
  page('a subdomain', 'https://sub.app.ex.com', false),
  page('the domain above', 'https://ex.com', false),
  page('a dot at the end', 'https://app.ex.com.', false),
  page('capitals', 'HTTPS://APP.EX.COM', false),
  page('a slash at the end', 'https://app.ex.com/', false),
  page('a path', 'https://app.ex.com/page', false),
  page('the wildcard without a label', 'https://wild.ex.com', false),
  page('the wildcard with an empty label', 'https://.wild.ex.com', false),
  page('the wildcard itself', 'https://*.wild.ex.com', false),
  page('the wildcard without its dot', 'https://evilwild.ex.com', false),
  page('the wildcard with another scheme', 'http://a.wild.ex.com', false),
  page('the wildcard with another port', 'https://a.wild.ex.com:444', false),
  page('the wildcard and a name behind it', 'https://a.wild.ex.com.evil.example', false),
  page('the wildcard behind a slash', 'https://evil.example/.wild.ex.com', false),
  page('the wildcard behind a question mark', 'https://evil.example?.wild.ex.com', false),
  page('the wildcard behind a hash', 'https://evil.example#.wild.ex.com', false),
  page('the wildcard behind a backslash', 'https://evil.example\\.wild.ex.com', false),
  page('the wildcard behind a port', 'https://evil.example:80.wild.ex.com', false),
  page('the wildcard behind a user', 'https://evil@a.wild.ex.com', false),
  page('a file', 'file://', false),
  page('a data URL', 'data:text/html,x', false),
  page('a browser extension', 'chrome-extension://abcdefghijklmnop', false),
  page('the punycode name in its own letters', 'https://b\u00fccher.ex.com', false),
  page('an encoded NUL', 'https://app.ex.com%00.evil.example', false),
  page('two origins in one header', 'https://app.ex.com https://evil.example', false),
  page('two origins and a comma', 'https://app.ex.com, https://evil.example', false),
  page('two headers, the good one first', ['https://app.ex.com', 'https://evil.example'], false),
  page('two headers, the good one last', ['https://evil.example', 'https://app.ex.com'], false),
  page('another port of this machine', 'http://localhost:3001', false),
  page('this machine without a port', 'http://localhost', false),
  page('this machine by address', 'http://127.0.0.1', ['127.0.0.1']),
]

const place = (host: Place['host'], is: Place['is'], what = String(host)): Place => ({
  what,
  host,
  is,
})

export const PLACES: readonly Place[] = [
  place('live.ex.com', 'ours'),
  place('live.ex.com:8080', 'ours'),
  place('LIVE.ex.com', 'ours'),
  place('live.ex.com.', 'ours'),
  place('127.0.0.1', 'ours'),
  place('[::1]:8080', 'ours'),
  place('evil.example', 'foreign'),
  place('live.ex.com.evil.example', 'foreign'),
  place('sub.live.ex.com', 'foreign'),
  place('localhost', 'foreign'),
  place('127.1', 'foreign'),
  place('127.0.0.1.nip.io', 'foreign'),
  place('app.ex.com', 'foreign', 'the name of a page that may connect'),
  place('live.ex.com@evil.example', 'foreign'),
  place('', 'foreign', 'an empty header'),
  place(undefined, 'malformed', 'no header'),
  place(['live.ex.com', 'evil.example'], 'malformed', 'two headers'),
  {
    what: 'evil.example, forwarded by nobody we know',
    host: 'evil.example',
    headers: { 'x-forwarded-host': 'live.ex.com', forwarded: 'host=live.ex.com' },
    is: 'foreign',
  },
]
