import type { HttpResponse as UwsResponse } from 'uWebSockets.js'
import type { Tls } from '../../../tls.ts'
import { errorReply } from '../../http/replies.ts'
import { refuseAndClose } from './uws-request.ts'

/** Not in the types of uWebSockets.js. PEM of a certificate that was verified, or an empty text. */
interface WithCertificate {
  readonly getX509Certificate?: () => string
}

/** The certificate of a client, where one is asked for. */
export function certificateOf(response: UwsResponse, tls: Tls | undefined): string | undefined {
  if (tls?.clientCa === undefined) return undefined
  return (response as WithCertificate).getX509Certificate?.() || undefined
}

/**
 * Refuses a client without a certificate where one is required; true if it did. uWebSockets.js itself refuses only
 * certificates of other authorities, and lets clients pass that present none.
 */
export function refuseStranger(response: UwsResponse, tls: Tls | undefined): boolean {
  if (tls?.clientCa === undefined || certificateOf(response, tls) !== undefined) return false
  refuseAndClose(response, errorReply('forbidden', 'This gateway asks for a client certificate.'))
  return true
}
