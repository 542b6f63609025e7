import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveConfig } from '@tidewire/server'
import { expect, test } from 'vitest'
import { commands } from '../testing/command.ts'
import { checkClock, checkFiles, checkSpace, type Finding } from './checks.ts'

const { directory, run, serve } = commands()

async function findings(flags: string[], cwd = directory()) {
  const { code, stdout } = await run(['doctor', '--json', ...flags], { cwd })
  const list = JSON.parse(stdout) as Finding[]
  return { code, of: (check: string) => list.filter((finding) => finding.check === check) }
}

test('where a server can run, every line is ok or a warning and the exit code 0', async () => {
  const { code, stdout } = await run(['doctor', '--dev', '--port', '0', '--ops-port', '0'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ok {4}node/)
  expect(stdout).toMatch(/^ok {4}namespaces {2}chat: durable, publish user, subscribe user/m)
  expect(stdout).toMatch(/^ok {4}database {4}none yet/m)
  expect(stdout).not.toMatch(/^fail/m)
})

test('without dev and file it warns of what is missing', async () => {
  const { code, of } = await findings(['--port', '0', '--ops-port', 'off'])
  expect(code).toBe(0)
  expect(of('auth')).toMatchObject([{ level: 'warn', remedy: 'Set TIDEWIRE_JWT_SECRET.' }])
  expect(of('namespaces')).toMatchObject([{ level: 'warn' }])
})

test('beside a running server it says so', async () => {
  const data = join(directory(), 'data')
  const { port } = await serve(data)
  const flags = ['--dev', '--data', data, '--port', port, '--ops-port', 'off']
  const { code, of } = await findings(flags)
  expect(code).toBe(0)
  const message = expect.stringContaining('running server') as string
  expect(of('port')).toMatchObject([{ level: 'ok', message }])
  expect(of('database')).toMatchObject([{ level: 'ok', message }])
})

test('without --dev, beside the data of a dev server, it says how to check that one', async () => {
  const data = join(directory(), 'data')
  const { port } = await serve(data)
  const { code, of } = await findings(['--data', data, '--port', port, '--ops-port', 'off'])
  expect(code).toBe(0)
  const remedy = expect.stringContaining('`tidewire doctor --dev`') as string
  expect(of('auth')).toMatchObject([{ level: 'warn', remedy }])
  expect(of('namespaces')).toMatchObject([{ level: 'warn', remedy }])
})

test.each<[string, string, string]>([
  ['config', 'tidewire.yaml', 'portt: 1'],
  ['data', '.tidewire', ''],
])('a broken %s fails with exit code 1', async (check, name, content) => {
  const cwd = directory()
  writeFileSync(join(cwd, name), content)
  const { code, of } = await findings(['--port', '0', '--ops-port', 'off'], cwd)
  expect(code).toBe(1)
  expect(of(check)).toMatchObject([{ level: 'fail' }])
})

test('a damaged database fails', async () => {
  const cwd = directory()
  writeFileSync(join(cwd, 'tidewire.db'), 'x'.repeat(8000))
  const { code, of } = await findings(['--data', '.', '--port', '0', '--ops-port', 'off'], cwd)
  expect(code).toBe(1)
  const remedy = expect.stringContaining('backup') as string
  expect(of('database')).toMatchObject([{ level: 'fail', remedy }])
})

test('a clock from before the installation fails', () => {
  expect(checkClock()).toMatchObject({ level: 'ok' })
  expect(checkClock(0)).toMatchObject({ level: 'fail' })
})

test('fewer files than connections is a warning', () => {
  const allowed = (max_connections: number) =>
    checkFiles(resolveConfig({ file: { limits: { max_connections } } })).level
  expect(allowed(1)).toBe('ok')
  expect(allowed(1e7)).toBe('warn')
})

test('a disk with less than what is kept free fails', () => {
  const kept = (min_free_bytes: number) =>
    checkSpace(resolveConfig({ file: { data: directory(), storage: { min_free_bytes } } }))
  expect(kept(0)).toMatchObject({ level: 'ok' })
  const remedy = expect.stringContaining('storage.min_free_bytes') as string
  expect(kept(1e15)).toMatchObject({ level: 'fail', remedy })
})
