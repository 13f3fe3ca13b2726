import { createServer } from 'node:net'

/**
 * The port, or a free one for 0, after checking that nobody listens there. Gateways that share a port would not notice
 * a stranger who shares it too.
 *
 * @throws when it is taken or not allowed.
 */
export function claimPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => reject(cannotListen(host, port, error)))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      const chosen = typeof address === 'object' && address !== null ? address.port : port
      server.close(() => resolve(chosen))
    })
  })
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EADDRNOTAVAIL: 'this machine does not have that address (--host)',
  EAFNOSUPPORT: 'this machine has no IPv6, or no IPv4 (--host)',
  EACCES: 'ports below 1024 are for root, or need CAP_NET_BIND_SERVICE',
  ENOTFOUND: 'the name of --host cannot be resolved',
}

/** The advice when an address cannot be listened on. */
export function cannotListen(host: string, port: number, cause?: NodeJS.ErrnoException): Error {
  const why = cause === undefined ? '' : `: ${WHY[cause.code ?? ''] ?? cause.message}`
  return new Error(
    `Cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}${why}. Choose another with --port, --metrics-port, or TIDEGATE_ADMIN_PORT for operators of gateways.`,
    { cause },
  )
}
