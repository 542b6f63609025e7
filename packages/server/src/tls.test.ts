import {
  cpSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type PeerCertificate } from 'node:tls'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttpServer, listenOn } from './http-server.ts'
import { Certificate } from './tls.ts'

const FIXTURES = join(import.meta.dirname, '../contract/tls')

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A certificate in a directory of its own, looked at all the time. */
function install(name: 'one' | 'two') {
  const directory = mkdtempSync(join(tmpdir(), 'tidewire-tls-'))
  cleanups.push(() => rmSync(directory, { recursive: true }))
  const certFile = join(directory, 'cert.pem')
  const keyFile = join(directory, 'key.pem')
  const put = (cert: string, key: string): void => {
    cpSync(join(FIXTURES, `${cert}.cert.pem`), `${certFile}.new`)
    cpSync(join(FIXTURES, `${key}.key.pem`), `${keyFile}.new`)
    renameSync(`${certFile}.new`, certFile)
    renameSync(`${keyFile}.new`, keyFile)
  }
  put(name, name)
  const reloads: Date[] = []
  const errors: Error[] = []
  const certificate = new Certificate({
    certFile,
    keyFile,
    onReload: (validTo) => reloads.push(validTo),
    onError: (error) => errors.push(error),
    intervalMs: 5,
  })
  cleanups.push(() => certificate.close())
  return { certificate, certFile, keyFile, put, reloads, errors }
}

async function serve(
  certificate: Certificate,
  headersMs = 20_000,
): Promise<{ server: http.Server; url: string; port: number }> {
  const patience = { headersMs, requestMs: 20_000, streamMs: 20_000, idleMs: 20_000, checkMs: 20 }
  const handlers = {
    request: (_: http.IncomingMessage, response: http.ServerResponse) => void response.end('hi'),
    upgrade: () => undefined,
  }
  const server = createHttpServer(handlers, { certificate, patience })
  const url = await listenOn(server, '127.0.0.1', 0)
  cleanups.push(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { server, url, port: (server.address() as AddressInfo).port }
}

async function nameAt(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const peer: PeerCertificate = socket.getPeerCertificate()
  socket.destroy()
  return String(peer.subject.CN)
}

describe('a server with a certificate', () => {
  it('speaks TLS, and says so in its address', async () => {
    const { certificate } = install('one')
    const { url } = await serve(certificate)
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:/)
    const { cert: ca } = certificate.pair
    const text = await new Promise<string>((resolve, reject) => {
      https
        .get(url, { ca }, (response) => response.once('data', (data) => resolve(String(data))))
        .on('error', reject)
    })
    expect(text).toBe('hi')
  })

  it('speaks no TLS older than 1.2', async () => {
    const { port } = await serve(install('one').certificate)
    const old = {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...old })
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toMatch(/^ERR_SSL_/)
  })

  it('takes a new pair while it runs, and keeps the connections that it has', async () => {
    const { certificate, put, reloads, errors } = install('one')
    const { port } = await serve(certificate)
    expect(await nameAt(port)).toBe('one.test')
    const open = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(open, 'secureConnect')
    put('two', 'two')
    await expect.poll(() => nameAt(port)).toBe('two.test')
    open.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(String((await once(open, 'data')) as [Buffer])).toMatch(/^HTTP\/1\.1 200 OK/)
    open.destroy()
    expect([reloads.length, errors]).toEqual([1, []])
    expect(reloads[0]?.getFullYear()).toBeGreaterThan(2100)
  })

  it.each<[string, (files: ReturnType<typeof install>) => void]>([
    ['of two different pairs', ({ put }) => put('two', 'one')],
    [
      'that is cut off',
      ({ certFile }) => writeFileSync(certFile, '-----BEGIN CERTIFICATE-----\nMIIB'),
    ],
    ['whose key is empty', ({ keyFile }) => writeFileSync(keyFile, '')],
    ['that is gone', ({ certFile }) => rmSync(certFile)],
  ])(
    'keeps its own when it is given one %s, says so once, and takes the next good one',
    async (_, harm) => {
      const files = install('one')
      const { port } = await serve(files.certificate)
      harm(files)
      await expect.poll(() => files.errors.length).toBe(1)
      expect(await nameAt(port)).toBe('one.test')
      files.put('two', 'two')
      await expect.poll(() => nameAt(port)).toBe('two.test')
      expect([files.errors.length, files.reloads.length]).toEqual([1, 1])
    },
  )

  it('says nothing of pairs that are replaced while it reads them', async () => {
    const { certificate, put, errors } = install('one')
    for (let i = 0; i < 150; i++) {
      const name = i % 2 === 0 ? 'two' : 'one'
      put(name, name)
      await new Promise((resolve) => setTimeout(resolve, i % 23))
    }
    await expect
      .poll(() => certificate.pair.cert)
      .toBe(readFileSync(join(FIXTURES, 'one.cert.pem'), 'utf8'))
    expect(errors).toEqual([])
  })

  it('takes a touched file for no news', async () => {
    const { certificate, certFile, put, reloads, errors } = install('one')
    const followed: string[] = []
    certificate.follow(({ cert }) => followed.push(cert))
    utimesSync(certFile, 1, 1)
    put('two', 'two')
    await expect.poll(() => followed.length).toBe(1)
    expect([reloads.length, errors.length]).toEqual([1, 0])
  })

  it('does not start with one that cannot be used', () => {
    const paths = (cert: string, key: string) => ({
      certFile: join(FIXTURES, `${cert}.cert.pem`),
      keyFile: join(FIXTURES, `${key}.key.pem`),
      onReload: () => undefined,
      onError: () => undefined,
    })
    expect(() => new Certificate(paths('one', 'two'))).toThrow('belongs to another private key')
    expect(() => new Certificate(paths('three', 'one'))).toThrow('ENOENT')
  })

  it('sends away who speaks plain HTTP, and who says nothing', async () => {
    const { server, port } = await serve(install('one').certificate, 200)
    const plain = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
    const silent = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
    for (const socket of [plain, silent]) socket.on('error', () => undefined).resume()
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await Promise.all(
      [plain, silent].map((socket) => Promise.race([once(socket, 'end'), once(socket, 'close')])),
    )
    // On its side they are gone, although nobody here hung up.
    await expect
      .poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count))))
      .toBe(0)
    silent.destroy()
    plain.destroy()
  })
})
