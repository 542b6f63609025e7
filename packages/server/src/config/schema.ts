import { isNamespaceName } from '@tidewire/protocol'
import { z } from 'zod'
import { authSection } from './auth.ts'
import { featuresSection } from './features.ts'
import { flag, fromJson, key, oneOf, path, section, text, whole } from './keys.ts'
import { limitsSection } from './limits.ts'
import { hostName, network, origin, parseList } from './lists.ts'

const host = () => text('must be a host name or an IP address', /^[A-Za-z0-9.:_-]{1,255}$/)
export const access = () => oneOf(['anyone', 'user', 'member', 'owner', 'server'])

const NAMESPACE_ERROR =
  'must be named with 1 to 32 characters of a-z, 0-9 and -, beginning with a letter'

export const namespace = section({
  durability: key(
    oneOf(['none', 'memory', 'durable']).default('memory'),
    'What an ack means: handed on, in the log of this process, or on disk.',
  ),
  publish: key(
    access().default('server'),
    'Who may publish: anyone, user, member, owner or server.',
  ),
  subscribe: key(access().default('user'), 'Who may subscribe.'),
  history: key(access().exactOptional(), 'Who may read the history; as subscribe when not set.'),
  presence: key(access().exactOptional(), 'Who may see who is present; as subscribe when not set.'),
  hook: key(flag().default(false), 'Whether `auth.hook.url` is asked, too.'),
  retention: section({
    max_entries: key(whole(1, 1e12).exactOptional(), 'Entries a log keeps.'),
    max_age_ms: key(whole(1, 1e14).exactOptional(), 'Milliseconds an entry is kept.'),
  }).prefault({}),
  min_flush_interval_ms: key(
    whole(0, 1_000).default(1),
    'Milliseconds that publications of a busy channel wait for more, at most: 16 are written at once. More costs latency and saves CPU; 0 writes every turn.',
  ),
})

/** The whole configuration: every key with its bounds, default, flag, variable and doc line. */
export const ConfigSchema = section({
  host: key(
    host().optional(),
    'Address to listen on. 127.0.0.1 under dev, where anyone who reaches the server gets a token; else 0.0.0.0.',
    { flag: 'host' },
  ),
  port: key(whole(0, 65_535).default(8080), 'Port to listen on; 0 takes a free one.', {
    flag: 'port',
  }),
  data: key(path().default('./.tidewire'), 'Directory that holds the logs.', { flag: 'data' }),
  dev: key(
    flag().default(false),
    'Development: a secret and a server key are made and kept in data, POST /v1/dev/token gives tokens, the namespaces chat, live and signal exist.',
    { flag: 'dev' },
  ),
  origins: key(
    z.array(origin, { error: 'must be a list of origins' }).default([]),
    'Origins of pages that may connect, beside those of this host: https://app.example.com, https://*.example.com. Under dev, when empty, those of this machine.',
    { flag: 'origins', parse: parseList },
  ),
  hosts: key(
    z.array(hostName, { error: 'must be a list of host names' }).default([]),
    'Names that this server answers to, without ports; all when empty. Under dev, those of this machine.',
    { flag: 'hosts', parse: parseList },
  ),
  proxies: key(
    z.array(network, { error: 'must be a list of addresses and networks' }).default([]),
    'Addresses and networks of proxies, whose X-Forwarded-For and X-Forwarded-Proto are believed.',
    { flag: 'proxies', parse: parseList },
  ),
  tls: section({
    cert_file: key(
      path().exactOptional(),
      'Certificate chain in PEM: the server then speaks TLS.',
      {
        flag: 'tls-cert',
      },
    ),
    key_file: key(path().exactOptional(), 'Private key of the certificate, in PEM.', {
      flag: 'tls-key',
    }),
  }).prefault({}),
  ops: section({
    host: key(host().default('127.0.0.1'), 'Address of /metrics, /health and /ready.', {
      flag: 'ops-host',
    }),
    port: key(
      whole(0, 65_535).nullable().default(9090),
      'Port of /metrics, /health and /ready; 0 takes a free one, null (as flag: off) has none.',
      { flag: 'ops-port', parse: (value) => (value === 'off' ? null : fromJson(value)) },
    ),
  }).prefault({}),
  auth: authSection.prefault({}),
  features: featuresSection,
  namespaces: key(
    z
      .record(z.string().refine(isNamespaceName, { error: NAMESPACE_ERROR }), namespace, {
        error: (issue) => (issue.code === 'invalid_type' ? 'must be a group of keys' : undefined),
      })
      .default({}),
    'The policies of channels, by what stands before the colon of their names.',
  ),
  limits: limitsSection.prefault({}),
  no_limits: key(
    flag().default(false),
    'Lets everybody in and lets them send what they can: for benches, never in production.',
    { flag: 'no-limits' },
  ),
  storage: section({
    min_free_bytes: key(
      whole(0, 1e15).default(64 * 2 ** 20),
      'Bytes of the disk that durable channels leave free: below, publishes are refused with 4015.',
    ),
    max_bytes: key(
      whole(2 ** 20, 1e15).exactOptional(),
      'Bytes that the database of the durable channels may grow to; beyond, publishes are refused with 4015. Its write-ahead log of up to 64 MiB and a reserve of 4 MiB come on top.',
    ),
    max_memory_bytes: key(
      whole(32 * 2 ** 20, 1e12).default(256 * 2 ** 20),
      'Bytes that the logs of all memory channels take together; beyond, the largest of them lose their oldest entries.',
    ),
  }).prefault({}),
  audit: section({
    file: key(
      path().exactOptional(),
      'File that gets a JSON line for each refusal; the log when not set.',
    ),
  }).prefault({}),
  compression: section({
    enabled: key(
      flag().default(false),
      'Compresses messages for WebSocket clients that offer permessage-deflate: fewer bytes for more CPU.',
      { flag: 'compression' },
    ),
    min_bytes: key(whole(1, 1e7).default(512), 'Messages that are smaller are sent as they are.'),
  }).prefault({}),
  heartbeat_ms: key(
    whole(50, 600_000).default(25_000),
    'Milliseconds of silence after which a peer is pinged.',
  ),
  log: section({
    level: key(
      oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).optional(),
      'Least level that is logged. warn under dev, else info.',
      { flag: 'log-level' },
    ),
  }).prefault({}),
  shutdown_ms: key(
    whole(0, 3_600_000).default(10_000),
    'Milliseconds that connections get to leave when the server stops.',
  ),
})
