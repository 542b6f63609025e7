import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { provide, provideFaketime, provideNginx } from './provide-programs.ts'

const squid = {
  name: 'Squid',
  commands: ['squid', 'squid-stable'],
  debianPackage: 'squid-package',
  env: 'SQUID_PATH',
}

describe('providing a program that tests start', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidewire-programs-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const program = async (name: string, script = ''): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
    return path
  }
  // The apt-get of these tests notes its arguments and then brings what it was told to bring.
  const aptGet = (brings: string): Promise<string> =>
    program('apt-get', `echo "$@" >> ${folder}/calls\n${brings}`)
  const bringsSquid = (): string =>
    `[ "$1" = install ] && /bin/cp ${folder}/apt-get ${folder}/squid || true`
  const machine = (root: boolean, env: Record<string, string> = {}) => ({
    env: { PATH: folder, ...env },
    root,
  })

  it('takes the path that the variable names, before any on PATH', async () => {
    await program('squid')
    const mine = await program('my-squid')
    expect(await provide(squid, machine(false, { SQUID_PATH: mine }))).toBe(mine)
  })

  it('refuses a variable that names no program', async () => {
    const wrong = machine(true, { SQUID_PATH: join(folder, 'nothing') })
    await expect(provide(squid, wrong)).rejects.toThrow(/SQUID_PATH is .*nothing/)
  })

  it('takes the first of its names that PATH has', async () => {
    const second = await program('squid-stable')
    expect(await provide(squid, machine(false))).toBe(second)
    const first = await program('squid')
    expect(await provide(squid, machine(false))).toBe(first)
  })

  it('installs the Debian package when it may', async () => {
    await aptGet(bringsSquid())
    expect(await provide(squid, machine(true))).toBe(join(folder, 'squid'))
    expect(await readFile(join(folder, 'calls'), 'utf8')).toBe(
      'update\ninstall -y --no-install-recommends squid-package\n',
    )
  })

  it('says what to install when it is not root', async () => {
    await aptGet(bringsSquid())
    await expect(provide(squid, machine(false))).rejects.toThrow(
      'The tests need Squid: install it (on Debian: apt-get install squid-package), or set SQUID_PATH to its path.',
    )
  })

  it('says what to install where there is no apt-get', async () => {
    await expect(provide(squid, machine(true))).rejects.toThrow('The tests need Squid')
  })

  it('tells of an installation that failed', async () => {
    await aptGet('exit 100')
    await expect(provide(squid, machine(true))).rejects.toThrow(
      '"apt-get install squid-package" failed',
    )
  })

  it('tells of a package that did not bring the program', async () => {
    await aptGet('exit 0')
    await expect(provide(squid, machine(true))).rejects.toThrow('brought no squid, squid-stable')
  })

  it('takes the nginx of its own variable or of PATH', async () => {
    const nginx = await program('nginx')
    expect(await provideNginx(machine(false))).toBe(nginx)
    const mine = await program('my-nginx')
    expect(await provideNginx(machine(false, { NGINX_PATH: mine }))).toBe(mine)
  })

  it('takes the faketime of its own variable or of PATH', async () => {
    const faketime = await program('faketime')
    expect(await provideFaketime(machine(false))).toBe(faketime)
    const mine = await program('my-faketime')
    expect(await provideFaketime(machine(false, { FAKETIME_PATH: mine }))).toBe(mine)
  })
})
