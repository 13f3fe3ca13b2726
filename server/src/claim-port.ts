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

/** The advice when an address cannot be listened on. */
export function cannotListen(host: string, port: number, cause?: NodeJS.ErrnoException): Error {
  const why = cause === undefined ? '' : `: ${cause.code === 'EADDRINUSE' ? 'the port is taken' : cause.message}`
  return new Error(
    `Cannot listen on ${host}:${port}${why}. Choose another with --port, --metrics-port, or TIDEGATE_ADMIN_PORT for operators of gateways.`,
    { cause },
  )
}
