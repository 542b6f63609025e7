import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** A program that tests start and npm does not ship. */
export interface Program {
  readonly name: string
  /** What it may be called on PATH; the first one found is taken. */
  readonly commands: readonly string[]
  readonly debianPackage: string
  /** The environment variable that names it by path, before PATH is searched. */
  readonly env: string
}

export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly root: boolean
}

const run = promisify(execFile)
const here = (): Machine => ({ env: process.env, root: process.getuid?.() === 0 })

/** The path of a Chromium that tests may drive. */
export function provideChromium(machine?: Machine): Promise<string> {
  return provide(
    {
      name: 'Chromium',
      commands: ['chromium', 'chromium-browser', 'google-chrome'],
      debianPackage: 'chromium',
      env: 'CHROME_PATH',
    },
    machine,
  )
}

/** The path of an nginx that tests may start. Debian puts it where only root looks. */
export function provideNginx({ env, root }: Machine = here()): Promise<string> {
  const PATH = [env['PATH'], '/usr/sbin'].filter(Boolean).join(delimiter)
  return provide(
    { name: 'nginx', commands: ['nginx'], debianPackage: 'nginx', env: 'NGINX_PATH' },
    { env: { ...env, PATH }, root },
  )
}

/** The path of faketime, which lets a program see another clock. */
export function provideFaketime(machine?: Machine): Promise<string> {
  return provide(
    { name: 'faketime', commands: ['faketime'], debianPackage: 'faketime', env: 'FAKETIME_PATH' },
    machine,
  )
}

/**
 * The path of a program: named by its variable, else found on PATH, else installed where that is
 * allowed (root on a machine with apt-get).
 *
 * Rejects with one line that says what to install.
 */
export async function provide(program: Program, machine: Machine = here()): Promise<string> {
  const { name, commands, debianPackage, env } = program
  const named = machine.env[env]
  if (named !== undefined && named !== '') {
    if (await isExecutable(named)) return named
    throw new Error(`${env} is ${named}, which is no program: point it at ${name} or unset it.`)
  }

  const found = await findOnPath(commands, machine)
  if (found !== undefined) return found

  await install(program, machine)
  const installed = await findOnPath(commands, machine)
  if (installed !== undefined) return installed
  throw new Error(
    `The package ${debianPackage} is installed but brought no ${commands.join(', ')}.`,
  )
}

async function install(program: Program, machine: Machine): Promise<void> {
  const { name, debianPackage, env } = program
  const aptGet = await findOnPath(['apt-get'], machine)
  if (aptGet === undefined || !machine.root) {
    throw new Error(
      `The tests need ${name}: install it (on Debian: apt-get install ${debianPackage}), ` +
        `or set ${env} to its path.`,
    )
  }
  const options = { env: { ...machine.env, DEBIAN_FRONTEND: 'noninteractive' } }
  try {
    await run(aptGet, ['update'], options)
    await run(aptGet, ['install', '-y', '--no-install-recommends', debianPackage], options)
  } catch (cause) {
    throw new Error(
      `The tests need ${name}, and "apt-get install ${debianPackage}" failed: ` +
        `install it by hand, or set ${env} to its path.`,
      { cause },
    )
  }
}

async function findOnPath(
  commands: readonly string[],
  machine: Machine,
): Promise<string | undefined> {
  const folders = (machine.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const command of commands) {
    for (const folder of folders) {
      const path = join(folder, command)
      if (await isExecutable(path)) return path
    }
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
