import type { Access, Caller } from '../../access/index.ts'
import { isLoopbackHost } from '../../web-origin.ts'
import { isForwarded } from '../credentials.ts'
import type { Arrival } from '../transport/transport.ts'

/**
 * Whether a caller is an operator. Where nobody is asked who it is, that is who sits at this machine: a gateway that is
 * open on purpose has clients all the same, and they learn nothing of each other.
 */
export function isOperator(
  { isOpen }: Pick<Access, 'isOpen'>,
  { rights }: Caller,
  { remoteAddress, header }: Pick<Arrival, 'remoteAddress' | 'header'>,
): boolean {
  return rights.isAdmin && (!isOpen || (isLoopbackHost(remoteAddress) && !isForwarded(header)))
}
