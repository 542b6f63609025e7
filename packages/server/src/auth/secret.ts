import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from '../make-directory.ts'
import { createServerKey } from './server-keys.ts'

const OWNER_ONLY = 0o600

/** Under dev: the secret of user tokens, made once and kept in `<data>/dev-secret`. Throws what the file system says. */
export function keepDevSecret(data: string): string {
  return keep(data, DEV_SECRET, () => randomBytes(48).toString('base64url'))
}

/**
 * Under dev: a server key with the id `dev`, made once and kept in `<data>/dev-server-key`, so that programs of the same
 * user on the same machine publish and subscribe without set-up. Throws what the file system says.
 */
export function keepDevServerKey(data: string): string {
  return keep(data, DEV_SERVER_KEY, () => createServerKey('dev').key)
}

/** The key that a dev server keeps in `data`; `undefined` where none did, or where we may not read it. */
export function readDevServerKey(data: string): string | undefined {
  return read(join(data, DEV_SERVER_KEY))
}

/** The secret that a dev server keeps in `data`; `undefined` where none did, or where we may not read it. */
export function readDevSecret(data: string): string | undefined {
  return read(join(data, DEV_SECRET))
}

const DEV_SECRET = 'dev-secret'
const DEV_SERVER_KEY = 'dev-server-key'

function keep(data: string, name: string, make: () => string): string {
  const path = join(data, name)
  const kept = read(path)
  if (kept !== undefined) {
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, OWNER_ONLY)
    return kept
  }
  makeDirectory(data)
  const value = make()
  // Under another name first: a crash leaves no half of a secret behind.
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${value}\n`, { mode: OWNER_ONLY })
  renameSync(draft, path)
  return value
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined
    throw error
  }
}
