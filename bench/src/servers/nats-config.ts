/** NATS over WebSocket. What is slow may stay behind as far as with the other servers. */
export function natsConfig(port: number, directory: string): string {
  return `
listen: "127.0.0.1:-1"
server_name: bench
store_dir: "${directory}"
websocket { listen: "127.0.0.1:${port}", no_tls: true, compression: false }
write_deadline: "20s"
max_pending: 256MB
`
}
