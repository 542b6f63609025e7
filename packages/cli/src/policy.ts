import { X509Certificate, createPrivateKey } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { dirname, resolve } from 'node:path'
import type { Config } from '@tidewire/server'
import type { Finding } from './checks.ts'
import { table } from './output.ts'

/** A certificate that ends sooner than this is worth a word. */
const RENEW_MS = 14 * 24 * 3_600_000

/** Who may do how much, and who can reach what: all of it without a look at the machine. */
export function policyOf(config: Config): Finding[] {
  return [
    limitsOf(config),
    ratesOf(config),
    originsOf(config),
    hostsOf(config),
    proxiesOf(config),
    transportOf(config),
    operationsOf(config),
    hookOf(config),
  ]
}

/** What an operator should know at the start, a sentence or two each. */
export function warningsOf(config: Config): string[] {
  return policyOf(config)
    .filter(({ level }) => level === 'warn')
    .map(({ message, remedy }) => `${message}. ${remedy ?? ''}`.trim())
}

/** The files of TLS: whether they are there, belong together and last. */
export function checkTls({ tls }: Config, now = Date.now()): Finding[] {
  const { cert_file: certFile, key_file: keyFile } = tls
  if (certFile === undefined || keyFile === undefined) return []
  const check = 'tls'
  try {
    const certificate = new X509Certificate(readFileSync(certFile))
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))) {
      const message = `${keyFile} is not the key of ${certFile}`
      return [
        { check, level: 'fail', message, remedy: 'Set tls.key_file to the key it was made with.' },
      ]
    }
    const end = Date.parse(certificate.validTo)
    const message = `${certFile}, until ${new Date(end).toISOString()}`
    if (end - now > RENEW_MS) return [{ check, level: 'ok', message }]
    return [
      { check, level: end > now ? 'warn' : 'fail', message, remedy: 'Renew the certificate.' },
    ]
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    const message =
      path === undefined ? `${certFile} or ${keyFile} is not valid PEM` : `${path}: ${code}`
    return [{ check, level: 'fail', message, remedy: 'Check tls.cert_file and tls.key_file.' }]
  }
}

/** Where refusals are written down. */
export function checkAudit({ audit }: Config): Finding {
  const check = 'audit'
  if (audit.file === undefined) return { check, level: 'ok', message: 'refusals go to the log' }
  const path = resolve(audit.file)
  try {
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK)
    return { check, level: 'ok', message: `refusals go to ${path}` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const remedy = 'Check who owns it, or choose another audit.file.'
    return { check, level: 'fail', message: `${path} is not writable (${code})`, remedy }
  }
}

function limitsOf({ limits, no_limits }: Config): Finding {
  const { max_frame_bytes: frame, max_depth: depth, max_keys: keys } = limits
  const { max_channels: channels, max_outbox_bytes: outbox, max_in_flight: inFlight } = limits
  const { max_connections_per_user: ofUser, max_connections_per_address: ofAddress } = limits
  const lines = table([
    ['a frame', `${size(frame)}, ${depth} deep, ${keys} keys`],
    [
      'a connection',
      `${channels} channels, ${size(outbox)} waiting, ${inFlight} publishes unanswered`,
    ],
    [
      'connections',
      `${limits.max_connections}, ${ofUser} a user, ${ofAddress} an address, ${limits.max_waiting} waiting to be let in`,
    ],
  ])
  const found = { check: 'limits', lines, values: limits }
  if (!no_limits) return { ...found, level: 'ok', message: 'what one may have' }
  const message = 'no_limits is set: anyone who connects can use up the server'
  return { ...found, level: 'warn', message, remedy: 'Leave it out, except for benches.' }
}

function ratesOf({ limits, no_limits }: Config): Finding {
  const { connection, user, address, events } = limits
  const rows = Object.entries({ connection, user, address, event: events }).flatMap(
    ([who, rates]) =>
      Object.entries(rates).map(([what, { burst, per_second }]) => [
        who,
        what,
        `${burst} at once`,
        `${per_second}/s`,
      ]),
  )
  return {
    check: 'rates',
    level: 'ok',
    message: no_limits ? 'not in force' : 'how much one may do',
    lines: table(rows),
    values: { connection, user, address, events },
  }
}

function originsOf({ origins }: Config): Finding {
  const check = 'origins'
  const values = origins
  if (origins.includes('*')) {
    const remedy = 'Name those that you know: --origins https://app.example.com.'
    return { check, level: 'warn', message: 'pages of every origin may connect', remedy, values }
  }
  const message = ['pages of this host', ...origins].join(', ')
  return { check, level: 'ok', message, values }
}

function hostsOf({ hosts, namespaces, dev }: Config): Finding {
  const check = 'hosts'
  const values = hosts
  const open = Object.entries(namespaces)
    .filter(([, { publish, subscribe, history, presence }]) =>
      [publish, subscribe, history, presence].includes('anyone'),
    )
    .map(([name]) => name)
  if (hosts.length === 0 && open.length > 0 && !dev) {
    const message = `${open.join(', ')} need no token, and the server answers to any host name`
    const remedy =
      'Set hosts to its names, or a page can reach it under a name of its own (DNS rebinding).'
    return { check, level: 'warn', message, remedy, values }
  }
  const all = dev ? 'those of this machine' : 'any'
  return { check, level: 'ok', message: hosts.length === 0 ? all : hosts.join(', '), values }
}

function proxiesOf({ proxies }: Config): Finding {
  const message =
    proxies.length === 0 ? 'none, so X-Forwarded-For is not believed' : proxies.join(', ')
  return { check: 'proxies', level: 'ok', message, values: proxies }
}

function transportOf({ tls, host, port, proxies }: Config): Finding {
  const check = 'transport'
  const at = `${host}:${port}`
  if (tls.cert_file !== undefined) return { check, level: 'ok', message: `TLS on ${at}` }
  if (isPublic(host) && proxies.length === 0) {
    const message = `plain HTTP on ${at}: tokens and messages can be read on the way`
    const remedy =
      'Set tls.cert_file and tls.key_file, or name the proxy that speaks TLS in proxies.'
    return { check, level: 'warn', message, remedy }
  }
  const why = isPublic(host) ? 'behind a proxy' : 'which only this machine or network reaches'
  return { check, level: 'ok', message: `plain HTTP on ${at}, ${why}` }
}

function operationsOf({ ops }: Config): Finding {
  const check = 'operations'
  if (ops.port === null) return { check, level: 'ok', message: 'off' }
  const at = `${ops.host}:${ops.port}`
  if (!isPublic(ops.host)) return { check, level: 'ok', message: at }
  const message = `metrics and health on ${at} are there for everyone who reaches it`
  return { check, level: 'warn', message, remedy: 'Use --ops-host 127.0.0.1, or a firewall.' }
}

function hookOf({ auth: { hook }, namespaces }: Config): Finding {
  const check = 'hook'
  const asking = Object.entries(namespaces)
    .filter(([, policy]) => policy.hook)
    .map(([name]) => name)
  if (hook.url === undefined) return { check, level: 'ok', message: 'none' }
  const names = asking.length === 0 ? 'no namespace' : asking.join(', ')
  const message = `${shownUrl(hook.url)} for ${names}, ${hook.timeout_ms} ms, kept ${hook.cache_ms} ms`
  if (hook.secret !== undefined) return { check, level: 'ok', message }
  const remedy = 'Set auth.hook.secret: the hook cannot tell our requests from others.'
  return { check, level: 'warn', message: `${message}, not signed`, remedy }
}

/** Without its query, which may hold a secret. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

const LOCAL = new BlockList()
for (const [network, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  LOCAL.addSubnet(network, bits)
}
for (const [network, bits] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  LOCAL.addSubnet(network, bits, 'ipv6')
}

/** Whether others than this machine and its network may reach it. Of a name that is not known it is assumed. */
function isPublic(host: string): boolean {
  if (host === 'localhost') return false
  const family = isIP(host)
  return family === 0 || !LOCAL.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

function size(bytes: number): string {
  if (bytes >= 2 ** 20) return `${Math.round(bytes / 2 ** 20)} MiB`
  return bytes >= 1024 ? `${Math.round(bytes / 1024)} KiB` : `${bytes} bytes`
}
