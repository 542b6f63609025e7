import { ConfigError, ProtocolError, StorageError } from '@tidewire/server'
import { TidewireError } from '@tidewire/client'
import { CommanderError } from 'commander'

/** Ends the command with a sentence on stderr: exit code 1. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** The command was called in a way that makes no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

interface Failure {
  exitCode: number
  /** Undefined when it was said already. */
  message?: string
}

/** How a command ends that threw: one sentence, without a stack. */
export function toFailure(error: unknown): Failure {
  if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 }
  if (error instanceof UsageError) return { exitCode: 2, message: error.message }
  return { exitCode: 1, message: sentence(error) }
}

export function sentence(error: unknown): string {
  if (!(error instanceof Error)) return `Something failed: ${String(error)}`
  const told = [CliError, ConfigError, StorageError, ProtocolError, TidewireError]
  if (told.some((type) => error instanceof type)) return error.message
  const { code, path, syscall } = error as NodeJS.ErrnoException
  if (path !== undefined && syscall === 'mkdir' && code === 'ENOENT') {
    return `The directory ${path} cannot be made there. Choose another.`
  }
  const what = path === undefined ? undefined : FILE_PROBLEMS[code ?? '']
  return what === undefined ? `Something failed: ${error.message}` : `${path} ${what}`
}

const FILE_PROBLEMS: Record<string, string> = {
  EACCES: 'cannot be used: this user lacks the permission. Check who owns it.',
  EPERM: 'cannot be used: this user lacks the permission. Check who owns it.',
  EROFS: 'cannot be written: the file system is read-only.',
  ENOENT: 'does not exist.',
  ENOTDIR: 'is not below a directory.',
  EEXIST: 'is a file, not a directory.',
  EISDIR: 'is a directory, not a file.',
  ENOSPC: 'cannot be written: the disk is full.',
}
