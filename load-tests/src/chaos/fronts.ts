import { TcpProxy } from '../support/tcp-proxy.ts'
import type { Deployment } from './deployment.ts'

/**
 * One address for the clients of each gateway, as a load balancer would be: when that is away, the others take them.
 */
export function openFronts({ gateways }: Deployment): Promise<TcpProxy[]> {
  return Promise.all(
    gateways.map((first) =>
      TcpProxy.open(() => [first, ...gateways.filter((other) => other !== first)].map(({ port }) => port)),
    ),
  )
}
