import { type Config, ConfigError } from '@tidewire/server'
import type { Command } from 'commander'
import {
  checkAuth,
  checkClock,
  checkData,
  checkDatabases,
  checkFiles,
  checkKeySet,
  checkNamespaces,
  checkNode,
  checkPort,
  checkSpace,
  type Finding,
} from '../checks.ts'
import { addConfigFlags, type LoadedConfig, loadConfig } from '../config.ts'
import { checkFeatures } from '../features.ts'
import { print, styled } from '../output.ts'
import { checkAudit, checkTls, policyOf } from '../policy.ts'

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('check whether a server can run here, with the same flags as serve')
    .option('--json', 'print a JSON list')
  addConfigFlags(command).action(doctor)
}

async function doctor(options: Record<string, unknown>): Promise<void> {
  const findings = await findAll(options)
  if (options['json'] === true) print(JSON.stringify(findings, undefined, 2))
  else for (const finding of findings) print(toText(finding))
  if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1
}

async function findAll(options: Record<string, unknown>): Promise<Finding[]> {
  const own = [checkNode(), checkClock()]
  let loaded: LoadedConfig
  try {
    loaded = loadConfig(options)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [...own, { check: 'config', level: 'fail', message: error.message }]
  }
  const { config, fileName = 'no file: flags, environment and defaults' } = loaded
  return [
    ...own,
    { check: 'config', level: 'ok', message: fileName },
    checkAuth(config),
    ...(await checkKeySet(config)),
    ...checkNamespaces(config),
    ...checkFeatures(config),
    checkData(config),
    checkSpace(config),
    ...(await checkDatabases(config)),
    ...(await checkPorts(config)),
    checkFiles(config),
    ...policyOf(config),
    ...checkTls(config),
    checkAudit(config),
  ]
}

async function checkPorts({ host, port, ops }: Config): Promise<Finding[]> {
  const open = await checkPort('port', { host, port }, '--port')
  if (ops.port === null) return [open]
  const operations = { host: ops.host, port: ops.port }
  return [open, await checkPort('ops port', operations, '--ops-port')]
}

function toText({ check, level, message, remedy, lines = [] }: Finding): string {
  const more = [...lines, ...(remedy === undefined ? [] : [remedy])]
  const head = `${styled(COLOURS[level], level.padEnd(5))} ${check.padEnd(11)} ${message}`
  return [head, ...more.map((line) => `${' '.repeat(18)}${line}`)].join('\n')
}
