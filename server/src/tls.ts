import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'

/** Names of files of PEM text. */
export interface TlsFiles {
  /** The certificate of the gateway, and those between it and its authority. */
  readonly cert: string
  readonly key: string
  /** Authorities that client certificates must come from; absent: clients need none. */
  readonly clientCa?: string | undefined
}

/** The files, and what they held when they were read. */
export interface Tls {
  readonly files: TlsFiles
  readonly cert: Buffer
  readonly key: Buffer
  readonly clientCa: Buffer | undefined
}

/** TLS 1.0 and 1.1 are deprecated (RFC 8996). */
const MIN_TLS_VERSION = 'TLSv1.2'

/** Options of a server of Node. */
export function contextOf({ cert, key, clientCa }: Tls) {
  return { cert, key, ca: clientCa, minVersion: MIN_TLS_VERSION } as const
}

/** @throws Error naming the file, and what to do. */
export async function readTls(files: TlsFiles): Promise<Tls> {
  const tls = await readTlsFiles(files)
  checkTls(tls)
  return tls
}

/** @throws Error naming the file that cannot be read. */
export async function readTlsFiles(files: TlsFiles): Promise<Tls> {
  const read = async (variable: string, file: string) => {
    try {
      return await readFile(file)
    } catch (cause) {
      throw new Error(`${variable} cannot be read: ${(cause as Error).message}`, { cause })
    }
  }
  const [cert, key, clientCa] = await Promise.all([
    read('TIDEGATE_TLS_CERT', files.cert),
    read('TIDEGATE_TLS_KEY', files.key),
    files.clientCa === undefined ? undefined : read('TIDEGATE_TLS_CLIENT_CA', files.clientCa),
  ])
  return { files, cert, key, clientCa }
}

/** @throws Error where a file is not what it must be, or two do not fit. */
export function checkTls({ files, cert, key, clientCa }: Tls): void {
  const certificate = attempt('TIDEGATE_TLS_CERT', files.cert, 'a certificate in PEM', () => new X509Certificate(cert))
  const privateKey = attempt('TIDEGATE_TLS_KEY', files.key, 'a private key in PEM without a passphrase', () =>
    createPrivateKey(key),
  )
  if (clientCa !== undefined) {
    attempt('TIDEGATE_TLS_CLIENT_CA', files.clientCa!, 'certificates in PEM', () => new X509Certificate(clientCa))
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`The key in ${files.key} is not the one of the first certificate in ${files.cert}.`)
  }
  attempt('TIDEGATE_TLS_CERT', files.cert, 'a chain of certificates in PEM', () =>
    createSecureContext({ cert, key, ca: clientCa, minVersion: MIN_TLS_VERSION }),
  )
}

/** Whatever renews certificates by itself has done so earlier. */
const SOON_MS = 10 * 86_400_000

/** Whether a certificate has ended, or does so soon. @param leftMs until its end */
export function endState(leftMs: number): 'over' | 'soon' | undefined {
  if (leftMs <= 0) return 'over'
  return leftMs <= SOON_MS ? 'soon' : undefined
}

/** When the first certificate of the file ends, ms since 1970. */
export function certificateEnd({ cert }: Pick<Tls, 'cert'>): number {
  return Date.parse(new X509Certificate(cert).validTo)
}

/** The cause says what OpenSSL does not like of the form, and quotes nothing. */
function attempt<T>(variable: string, file: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Error(`${variable} must be ${what}, and ${file} is not: ${(cause as Error).message}`, { cause })
  }
}
