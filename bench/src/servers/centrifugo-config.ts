/** How many publications a channel keeps: what is in flight in a broadcast, and more. */
const HISTORY = 8192

/**
 * Centrifugo v6: clients without a token, which may subscribe and publish. History and recovery are on, so
 * that publications carry offsets and the server itself checks that none is left out. What is slow may stay
 * behind as far as with the other servers.
 */
export function centrifugoConfig(port: number): string {
  const config = {
    http_server: { address: '127.0.0.1', port },
    log: { level: 'error' },
    usage_stats: { disabled: true },
    client: { allow_anonymous_connect_without_token: true, queue_max_size: 256 * 2 ** 20 },
    websocket: { write_timeout: '20s' },
    channel: {
      without_namespace: {
        history_size: HISTORY,
        history_ttl: '60s',
        force_recovery: true,
        allow_subscribe_for_client: true,
        allow_subscribe_for_anonymous: true,
        allow_publish_for_client: true,
        allow_publish_for_anonymous: true,
      },
    },
  }
  return `${JSON.stringify(config, undefined, 2)}\n`
}
