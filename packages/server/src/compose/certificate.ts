import { type Config, ConfigError } from '../config/resolve.ts'
import type { Logger } from '../observe/logs.ts'
import { Certificate } from '../tls.ts'

/** The certificate of the configuration; `undefined` without one. Throws `ConfigError`. */
export function certificateOf({ tls }: Config, logger: Logger): Certificate | undefined {
  const { cert_file: certFile, key_file: keyFile } = tls
  if (certFile === undefined || keyFile === undefined) return undefined
  try {
    return new Certificate({
      certFile,
      keyFile,
      onReload: (validTo) => logger.info({ certFile, validTo }, 'the certificate was replaced'),
      onError: (error) =>
        logger.error({ certFile, error }, 'the new certificate cannot be used: the old one stays'),
    })
  } catch (cause) {
    const why = (cause as Error).message
    throw new ConfigError(`\`tls.cert_file\` and \`tls.key_file\` cannot be used: ${why}`, {
      cause,
    })
  }
}
