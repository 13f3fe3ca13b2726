import type { Server } from 'node:http'
import { cannotListen } from '../../../claim-port.ts'
import type { ListenAddress } from '../transport.ts'

/** First Node version whose servers can share a port through the kernel; of the supported systems only Linux can. */
const FIRST_SHARING = { major: 22, minor: 12 }

/** Starts listening. Rejects with advice when the address is not available. */
export function listen(server: Server, { host, port, shared }: ListenAddress): Promise<{ readonly port: number }> {
  const reusePort = shared && port !== 0 && canShare(process.platform, process.versions.node)
  return new Promise((resolve, reject) => {
    // Later errors concern one connection that could not be accepted.
    server.on('error', (error: NodeJS.ErrnoException) => {
      reject(shared && error.code === 'EADDRINUSE' ? cannotShare(host, port, error) : cannotListen(host, port, error))
    })
    server.listen({ host, port, exclusive: true, reusePort } as object, () => {
      resolve({ port: (server.address() as { port: number }).port })
    })
  })
}

export function canShare(platform: string, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return (
    platform === 'linux' &&
    (major > FIRST_SHARING.major || (major === FIRST_SHARING.major && minor >= FIRST_SHARING.minor))
  )
}

function cannotShare(host: string, port: number, cause: Error): Error {
  const message =
    `Cannot share ${host}:${port}: gateways on node:http share a port only on Linux from Node 22.12 on. ` +
    'Run one gateway, or each on a port of its own.'
  return new Error(message, { cause })
}
