import { readFileSync } from 'node:fs'
import { type Config, CONFIG_KEYS, ConfigError, resolveConfig } from '@tidewire/server'
import { type Command, Option } from 'commander'
import { parse, YAMLParseError } from 'yaml'

const FILE_NAMES = ['tidewire.yaml', 'tidewire.yml', 'tidewire.json']

export interface LoadedConfig {
  config: Config
  /** Undefined when there is none. */
  fileName: string | undefined
}

/** Adds `--config` and the flags that set keys of the configuration: all of them, or those that are named. */
export function addConfigFlags(command: Command, only?: readonly string[]): Command {
  command.option('-c, --config <file>', `configuration, instead of ./${FILE_NAMES[0]}`)
  for (const { flag, doc, env, default: standard } of CONFIG_KEYS) {
    if (flag === undefined || (only !== undefined && !only.includes(flag))) continue
    command.addOption(
      new Option(formOf(flag, standard), `${doc.replace(/\.$/, '')}${shown(standard)} [${env}]`),
    )
  }
  return command
}

/** The configuration of flags, environment and file. Throws `ConfigError`. */
export function loadConfig(options: Record<string, unknown>): LoadedConfig {
  const flags: Record<string, unknown> = {}
  for (const { flag } of CONFIG_KEYS) if (flag !== undefined) flags[flag] = given(flag, options)
  const file = options['config']
  const read = readConfigFile(typeof file === 'string' ? file : undefined)
  const named = read.fileName === undefined ? {} : { fileName: read.fileName }
  const config = resolveConfig({ file: read.file, ...named, env: process.env, flags })
  return { fileName: read.fileName, config }
}

function formOf(flag: string, standard: unknown): string {
  if (typeof standard === 'boolean') return `--${flag}`
  return Array.isArray(standard) ? `--${flag} <a,b,…>` : `--${flag} <value>`
}

function shown(standard: unknown): string {
  if (standard === undefined || (Array.isArray(standard) && standard.length === 0)) return ''
  return ` (default: ${JSON.stringify(standard)})`
}

/** Of a flag that begins with `no-`, the parser keeps the opposite: `limits`, true until it is given. */
function given(flag: string, options: Record<string, unknown>): unknown {
  const option = new Option(`--${flag}`)
  const value = options[option.attributeName()]
  if (!option.negate) return value
  return value === false ? true : undefined
}

function readConfigFile(given: string | undefined): { fileName?: string; file?: unknown } {
  for (const fileName of given === undefined ? FILE_NAMES : [given]) {
    let text: string
    try {
      text = readFileSync(fileName, 'utf8')
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT' && given === undefined) continue
      const why = code === 'ENOENT' ? 'does not exist' : 'cannot be read'
      throw new ConfigError(`The configuration ${fileName} ${why}.`, { cause })
    }
    return { fileName, file: parseFile(text, fileName) }
  }
  return {}
}

/** JSON is YAML, too. */
function parseFile(text: string, fileName: string): unknown {
  try {
    return parse(text, { prettyErrors: true })
  } catch (cause) {
    // The first line says what and where; the ones below repeat the source, which may hold secrets.
    const line = cause instanceof YAMLParseError ? cause.linePos?.[0].line : undefined
    const where = line === undefined ? '' : ` at line ${line}`
    throw new ConfigError(`${fileName} is not valid YAML${where}.`, { cause })
  }
}
