import type { Settings } from '../config/settings.ts'
import type { TlsFiles } from '../tls.ts'

/** The files of TLS; `undefined` when none is set. @throws when only some are. */
export function tlsFilesOf({ tlsCert: cert, tlsKey: key, tlsClientCa: clientCa }: Settings): TlsFiles | undefined {
  if (cert !== undefined && key !== undefined) return { cert, key, clientCa }
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined
  throw new Error('TLS takes both TIDEGATE_TLS_CERT and TIDEGATE_TLS_KEY: set the other one too.')
}
