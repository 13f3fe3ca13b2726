import type { Settings } from '../../config/settings/settings.ts'
import type { TlsFiles } from '../../tls.ts'

/** The files of TLS; `undefined` when none is set. @throws when only some are. */
export function tlsFilesOf(settings: Settings): TlsFiles | undefined {
  const { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa, certificateName } = settings
  if (certificateName !== undefined && clientCa === undefined) {
    throw new Error('TIDEGATE_TLS_CLIENT_NAME says what client certificates mean: set TIDEGATE_TLS_CLIENT_CA too.')
  }
  if (cert !== undefined && key !== undefined) return { cert, key, clientCa }
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined
  throw new Error('TLS takes both TIDEGATE_TLS_CERT and TIDEGATE_TLS_KEY: set the other one too.')
}
