import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { RedisTls } from '../../redis-address.ts'
import { BusUnreachable } from '../errors.ts'

/** @throws BusUnreachable where a file cannot be read */
export function tlsOptions({ ca, cert, key, servername }: RedisTls): ConnectionOptions {
  const read = (parameter: string, file: string) => {
    try {
      return readFileSync(file)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      throw new BusUnreachable(
        `Redis cannot be used: the file in \`${parameter}\` of REDIS_URL cannot be read (${code})`,
      )
    }
  }
  return {
    ...(ca !== undefined && { ca: read('ca', ca) }),
    ...(cert !== undefined && { cert: read('cert', cert) }),
    ...(key !== undefined && { key: read('key', key) }),
    ...(servername !== undefined && { servername }),
  }
}
