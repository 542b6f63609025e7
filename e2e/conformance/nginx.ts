import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@tidewire/server/testing/free-port'
import { provideNginx } from '../../scripts/provide-programs.ts'
import { PORTS } from '../support/ports.ts'
import { until } from '../support/until.ts'

/** A real nginx in front of a server, as people deploy one, with a directory of its own. */
export class Nginx {
  readonly port: number
  readonly #directory: string
  readonly #child: ChildProcess
  #output = ''

  private constructor(program: string, port: number, upstream: number) {
    this.port = port
    this.#directory = mkdtempSync(join(tmpdir(), 'tidewire-nginx-'))
    const config = join(this.#directory, 'nginx.conf')
    writeFileSync(config, configOf(port, upstream, this.#directory))
    const args = ['-e', 'stderr', '-p', this.#directory, '-c', config]
    this.#child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-20_000)
    })
  }

  static async start(upstream: number): Promise<Nginx> {
    const nginx = new Nginx(await provideNginx(), await freePort(PORTS), upstream)
    await until(
      () => {
        if (nginx.#child.exitCode !== null) throw new Error(`nginx ended:\n${nginx.#output}`)
        return accepts(nginx.port)
      },
      () => `nginx does not answer:\n${nginx.#output}`,
    )
    return nginx
  }

  async remove(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    if (this.#child.exitCode === null) await exited
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/**
 * What the guides of most products tell people to write. `proxy_buffering` is left on, as it is by default: an event
 * stream has to get through by its `X-Accel-Buffering` header.
 */
function configOf(port: number, upstream: number, directory: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${directory}/${name};`)
    .join('\n')
  // Started by root, the worker would become a user that cannot enter the directory.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `
${user}
daemon off;
pid ${directory}/nginx.pid;
worker_processes 1;
events { worker_connections 256; }
http {
  access_log off;
${temporary}
  map $http_upgrade $connection_upgrade {
    default upgrade;
    '' close;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
