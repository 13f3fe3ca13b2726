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
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message
      reject(new Error(`Cannot listen on ${host}:${port}: ${why}. Choose another with --port.`, { cause: error }))
    })
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      const chosen = typeof address === 'object' && address !== null ? address.port : port
      server.close(() => resolve(chosen))
    })
  })
}
